// SQLite as three small types: Database (one connection), Use (one scoped use of a prepared
// statement, chained: `db.use("... WHERE id = ?")(id).exec()`), Transaction (rolls back unless
// committed).
//
// Errors stick.  The first failing call of a transaction is kept in the Database; every later use
// does nothing and gives no rows, and `Transaction::commit` rolls back and returns that error.  So
// the steps of a change are written without a check after each, and cannot be half done.
//
// Not locked: its owner sees to it that one thread at a time is inside.  Knows nothing of mail.

#pragma once

#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hh"

namespace sendonce::outbox {

class Database;

/// One use of a statement: binds in order, steps, and leaves it ready for the next when it dies.
class Use {
 public:
  Use(Database& database, sqlite3_stmt* statement) : database_(database), statement_(statement) {}
  Use(Use&& other) noexcept
      : database_(other.database_),
        statement_(std::exchange(other.statement_, nullptr)),
        parameter_(other.parameter_) {}
  Use& operator=(Use&&) = delete;
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;
  ~Use();

  template <std::integral Integer>
  Use operator()(Integer value) && {
    bind(static_cast<std::int64_t>(value));
    return std::move(*this);
  }
  Use operator()(std::optional<double> value) && {
    value ? bind(*value) : bind_null();
    return std::move(*this);
  }
  Use operator()(std::string_view text) && {  ///< copied
    bind(text);
    return std::move(*this);
  }
  Use blob(std::string_view bytes) && {  ///< not copied: they must outlive the use
    bind_blob(bytes);
    return std::move(*this);
  }

  /// Goes to the next row; false when there is none, or after an error.
  bool next();
  /// To be done for its effect.
  void exec() {
    while (next()) continue;
  }

  /// Columns of the row that `next` found, from 0.
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] double real(int column) const;
  [[nodiscard]] std::string text(int column) const { return std::string(bytes(column)); }
  /// Text or blob in SQLite's memory: until the next step.
  [[nodiscard]] std::string_view bytes(int column) const;

 private:
  void bind(std::int64_t value);
  void bind(double value);
  void bind(std::string_view text);
  void bind_blob(std::string_view bytes);
  void bind_null();
  void bound(int result);

  Database& database_;
  sqlite3_stmt* statement_;  ///< null after an error: everything does nothing
  int parameter_ = 0;
};

class Database {
 public:
  /// Opens the existing file PATH for reading and writing, set up as the outbox wants it: durable
  /// at every commit, private, patient with other processes.  What is wrong with the file is kept
  /// as if by a first use.
  static Result<std::unique_ptr<Database>> open(const std::string& path);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  /// SQL must live as long as the Database (a literal): it is the key of the prepared statement.
  Use use(std::string_view sql);
  /// Statements without parameters or results, one after the other.
  void script(const std::string& sql);
  /// First column of the first row; 0 or "" without one.
  std::int64_t number(std::string_view sql);
  std::string text(std::string_view sql);

  [[nodiscard]] std::int64_t last_id() const { return sqlite3_last_insert_rowid(handle()); }
  [[nodiscard]] int changes() const { return sqlite3_changes(handle()); }

  [[nodiscard]] bool failed() const { return trouble_.code != SQLITE_OK; }
  /// Another process had the file for longer than we wait.
  [[nodiscard]] bool busy() const;
  /// What is in the file cannot be (what a set-aside needs).
  [[nodiscard]] bool damaged() const;
  [[nodiscard]] Status status() const;
  /// Fails if PATH is not the file that was opened any more: SQLite finds the journal by name, and
  /// would mix that of a new file of this name into the old one.
  void check_place();
  void forgive() { trouble_ = {}; }

  [[nodiscard]] sqlite3* handle() const { return handle_.get(); }
  /// Keeps the error of RESULT, unless one is kept already or it is none.
  void keep(int result);

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  struct Trouble {
    int code = SQLITE_OK;  ///< extended
    int os_error = 0;
    std::string text;
  };

  explicit Database(std::string path) : path_(std::move(path)) {}
  void set_up();
  [[nodiscard]] sqlite3_stmt* prepared(std::string_view sql);

  std::string path_;
  std::unique_ptr<sqlite3, Close> handle_;
  std::map<std::string_view, std::unique_ptr<sqlite3_stmt, Finalize>> statements_;
  Trouble trouble_;
};

enum class Access { read, write };

/// From here to `commit`, or to nothing.  Writers take the write lock at once (BEGIN IMMEDIATE):
/// what they read stays true until they commit, in all processes.  Forgets the error of the last
/// one.
class Transaction {
 public:
  Transaction(Database& database, Access access);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  /// Durable when it returns OK.  Free of charge when nothing was written.
  Status commit();

 private:
  Database& database_;
};

}  // namespace sendonce::outbox
