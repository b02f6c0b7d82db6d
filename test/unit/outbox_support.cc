// See outbox_support.hh.

#include "outbox_support.hh"

#include <stdexcept>

#include "base/file.hh"
#include "outbox/os.hh"
#include "temporary.hh"

namespace sendonce::outbox {

namespace {

/// In memory where that can be had: the tests make thousands of durable files.
std::filesystem::path temporary_root() {
  const std::filesystem::path memory = "/dev/shm";
  std::error_code error;
  return is_directory(memory, error) ? memory : std::filesystem::temp_directory_path();
}

}  // namespace

TemporaryDirectory::TemporaryDirectory()
    : path_(sendonce::test::new_directory(temporary_root(), "outbox")) {}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(file_path(path_), ignored);
}

std::unique_ptr<Outbox> opened(const std::string& directory) {
  auto outbox = Outbox::open(directory);
  if (!outbox) throw std::runtime_error(outbox.error().message);
  return std::move(*outbox);
}

// Renamed, since a file that is open cannot be removed everywhere.
void take_owners_away(const TemporaryDirectory& directory) {
  const std::string owners = directory.path() + "/owners/";
  for (const std::string& name : os::files_in(owners))
    std::filesystem::rename(file_path(owners + name), file_path(directory.path() + "/" + name));
}

namespace {

struct Close {
  void operator()(sqlite3* handle) const { sqlite3_close(handle); }
};

}  // namespace

std::string query(const std::string& file, const std::string& sql) {
  sqlite3* handle = nullptr;
  const int result = sqlite3_open(file.c_str(), &handle);
  const std::unique_ptr<sqlite3, Close> closing(handle);
  if (result != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(handle));
  std::string found;
  const auto keep = [](void* into, int columns, char** values, char**) {
    for (int i = 0; i < columns; ++i) {
      *static_cast<std::string*>(into) += values[i] == nullptr ? "" : values[i];
    }
    return 0;
  };
  if (sqlite3_exec(handle, sql.c_str(), keep, &found, nullptr) != SQLITE_OK) {
    throw std::runtime_error(sqlite3_errmsg(handle));
  }
  return found;
}

// In our journal mode: where an open file cannot be removed, another would try in vain.
void run_sql(const std::string& file, const std::string& sql) {
  query(file, "PRAGMA journal_mode = PERSIST; " + sql);
}

Submission submission(const std::string& draft) {
  Submission made;
  made.account = "work";
  made.settings = "host=mail.example\nport=465\n";
  made.sender = "me@example.org";
  made.recipients = {"ann@example.org", "bob@example.org", "cid@example.org"};
  made.message_id = "<" + draft + "@example.org>";
  made.subject = "Grüße";
  made.draft = draft;
  made.fingerprint = "f-" + draft;
  return made;
}

AttemptEnd ending(const std::vector<State>& states, double next_try) {
  AttemptEnd end;
  for (const State state : states) {
    const int code = state == State::sent ? 250 : state == State::failed ? 550 : 451;
    end.outcomes.push_back({state, code, std::to_string(code) + " says the server"});
    if (state != State::sent) end.cause = "refused";
  }
  end.next_try = next_try;
  end.transcript = "S: 220 hello\n";
  return end;
}

std::string states(const Entry& entry) {
  std::string names;
  for (const RecipientRow& row : entry.recipients) {
    names += (names.empty() ? "" : " ") + std::string(state_name(row.state));
  }
  return names;
}

std::string states(Outbox& outbox, EntryId id) {
  auto entry = outbox.entry(id);
  if (!entry) return entry.error().message;
  return *entry ? states(**entry) : "none";
}

Entry entry_of(Outbox& outbox, EntryId id) { return outbox.entry(id).value().value(); }

std::string message_of(std::size_t size) {
  std::string message(size, '\0');
  unsigned value = 1;
  for (char& c : message) {
    value = value * 1103515245U + 12345U;
    c = static_cast<char>(static_cast<unsigned char>(value >> 16U));
  }
  return message;
}

std::string stored_message(Outbox& outbox, EntryId id) {
  std::string message;
  for (;;) {
    const auto part = outbox.read_message(id, static_cast<std::int64_t>(message.size()), 100'000);
    if (!part || part->empty()) return message;
    message += *part;
  }
}

}  // namespace sendonce::outbox
