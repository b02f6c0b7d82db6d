// See database.hh.
//
// Why these settings (measured on ext4, SQLite 3.40.1; figures in module/INTERNALS.org):
//   journal_mode=PERSIST, synchronous=FULL: the commit is one overwrite of the journal's header,
//     followed by a sync of the journal.  With DELETE it is the unlinking of the journal, which
//     FULL does not sync: power lost right after could bring the journal, and with it the old
//     state, back. DELETE needs EXTRA for that and costs 40 % more, for files made and directories
//     synced.
//   busy_timeout: several Emacsen write in turns of milliseconds; seconds mean that one is stopped.
//   fullfsync: on macOS fsync does not reach the platter; elsewhere this does nothing.

#include "outbox/database.hh"

#include "outbox/os.hh"

namespace sendonce::outbox {

namespace {

constexpr int busy_milliseconds = 5000;

// None of these writes to the file; some read it, and so are the first to find rubbish.
constexpr const char* settings =
    "PRAGMA synchronous = FULL;"
    "PRAGMA fullfsync = ON;"
    "PRAGMA foreign_keys = ON;"
    "PRAGMA recursive_triggers = OFF;"
    "PRAGMA temp_store = MEMORY;"  // no mail in /tmp
    "PRAGMA trusted_schema = OFF;"
    "PRAGMA cell_size_check = ON;"
    "PRAGMA journal_size_limit = 1048576;"
    "PRAGMA secure_delete = FAST;";

Cause cause_of(int code, int os_error) {
  const bool full = (code & 0xff) == SQLITE_FULL || os::means_full(os_error);
  return full ? Cause::storage_full : Cause::storage;
}

std::string reason(std::string_view text, int os_error) {
  std::string words(text);
  if (os_error != 0) words += ", " + os::words(os_error);
  return " (" + words + ")";
}

/// What is wrong with the file and what to do, one sentence.
std::string advice(int code, std::string_view why) {
  const std::string because(why);
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return " is held by another process" + because +
             "; try again, and if that does not help end that process";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return " is damaged" + because +
             "; end all Emacsen and start one: it sets the file aside and begins a new one";
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return code == SQLITE_READONLY_DBMOVED
                 ? " was moved or deleted while it was open; restart Emacs"
                 : " cannot be opened for writing" + because +
                       "; give yourself the right to write to it and its directory";
    default:
      return " could not be read or written" + because;
  }
}

}  // namespace

// --- Use ---

Use::~Use() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

void Use::bound(int result) {
  if (result != SQLITE_OK) database_.keep(result);
}

void Use::bind(std::int64_t value) {
  if (statement_ != nullptr) bound(sqlite3_bind_int64(statement_, ++parameter_, value));
}

void Use::bind(double value) {
  if (statement_ != nullptr) bound(sqlite3_bind_double(statement_, ++parameter_, value));
}

void Use::bind(std::string_view text) {
  if (statement_ == nullptr) return;
  // A view without data would bind NULL.
  bound(sqlite3_bind_text64(statement_, ++parameter_, text.empty() ? "" : text.data(), text.size(),
                            SQLITE_TRANSIENT, SQLITE_UTF8));
}

void Use::bind_blob(std::string_view bytes) {
  if (statement_ == nullptr) return;
  bound(sqlite3_bind_blob64(statement_, ++parameter_, bytes.empty() ? "" : bytes.data(),
                            bytes.size(), SQLITE_STATIC));
}

void Use::bind_null() {
  if (statement_ != nullptr) bound(sqlite3_bind_null(statement_, ++parameter_));
}

bool Use::next() {
  if (statement_ == nullptr || database_.failed()) return false;
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result != SQLITE_DONE) database_.keep(result);
  return false;
}

std::int64_t Use::integer(int column) const { return sqlite3_column_int64(statement_, column); }

double Use::real(int column) const { return sqlite3_column_double(statement_, column); }

std::string_view Use::bytes(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  if (data == nullptr) return {};
  return {static_cast<const char*>(data),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

// --- Database ---

Result<std::unique_ptr<Database>> Database::open(const std::string& path) {
  std::unique_ptr<Database> database(new Database(path));
  sqlite3* handle = nullptr;
  const int result =
      sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  database->handle_.reset(handle);
  if (handle == nullptr) return fail(Cause::internal, Phase::none, "No memory for SQLite");
  database->keep(result);
  if (auto good = database->status(); !good) return fail(good.error());
  database->set_up();
  return database;
}

Database::~Database() = default;

void Database::set_up() {
  sqlite3_extended_result_codes(handle(), 1);
  sqlite3_busy_timeout(handle(), busy_milliseconds);
  if (!failed() && sqlite3_db_readonly(handle(), "main") == 1) keep(SQLITE_READONLY);
  script(settings);
}

sqlite3_stmt* Database::prepared(std::string_view sql) {
  if (const auto found = statements_.find(sql); found != statements_.end()) {
    return found->second.get();
  }
  sqlite3_stmt* statement = nullptr;
  keep(sqlite3_prepare_v3(handle(), sql.data(), static_cast<int>(sql.size()),
                          SQLITE_PREPARE_PERSISTENT, &statement, nullptr));
  if (statement != nullptr) statements_.emplace(sql, statement);
  return statement;
}

Use Database::use(std::string_view sql) { return {*this, failed() ? nullptr : prepared(sql)}; }

void Database::script(const std::string& sql) {
  if (!failed()) keep(sqlite3_exec(handle(), sql.c_str(), nullptr, nullptr, nullptr));
}

std::int64_t Database::number(std::string_view sql) {
  Use row = use(sql);
  return row.next() ? row.integer(0) : 0;
}

std::string Database::text(std::string_view sql) {
  Use row = use(sql);
  return row.next() ? row.text(0) : std::string();
}

void Database::keep(int result) {
  if (result == SQLITE_OK || failed()) return;
  trouble_ = {result, 0, sqlite3_errstr(result)};
  // The connection tells more than the code, if its last error is this one.
  if (sqlite3_extended_errcode(handle()) != result) return;
  trouble_.text = sqlite3_errmsg(handle());
  const int family = result & 0xff;
  if (family == SQLITE_IOERR || family == SQLITE_CANTOPEN || family == SQLITE_FULL) {
    trouble_.os_error = sqlite3_system_errno(handle());
  }
}

void Database::check_place() {
  int moved = 0;
  const int result = sqlite3_file_control(handle(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  if (result == SQLITE_OK && moved != 0) keep(SQLITE_READONLY_DBMOVED);
}

bool Database::busy() const { return (trouble_.code & 0xff) == SQLITE_BUSY; }

bool Database::damaged() const {
  const int family = trouble_.code & 0xff;
  return family == SQLITE_CORRUPT || family == SQLITE_NOTADB;
}

Status Database::status() const {
  if (!failed()) return {};
  const Cause cause = cause_of(trouble_.code, trouble_.os_error);
  const std::string why = reason(trouble_.text, trouble_.os_error);
  return fail(cause, Phase::none,
              path_ + (cause == Cause::storage_full
                           ? " cannot grow: the disk is full" + why + "; make room, then try again"
                           : advice(trouble_.code, why)));
}

// --- Transaction ---

Transaction::Transaction(Database& database, Access access) : database_(database) {
  database_.forgive();
  database_.check_place();
  database_.use(access == Access::write ? "BEGIN IMMEDIATE" : "BEGIN").exec();
}

Transaction::~Transaction() {
  if (sqlite3_get_autocommit(database_.handle()) != 0) return;
  // Not through `use`: that does nothing after an error, which is when this matters.
  sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

Status Transaction::commit() {
  database_.use("COMMIT").exec();
  return database_.status();
}

}  // namespace sendonce::outbox
