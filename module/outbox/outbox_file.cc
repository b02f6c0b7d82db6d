// See outbox_file.hh: entries, messages, findings; the parts that change no recipient's state.

#include "outbox/outbox_file.hh"

#include <algorithm>
#include <set>

#include "base/clock.hh"
#include "outbox/entries.hh"

namespace sendonce::outbox {

namespace {

/// Messages are kept in pieces of this size: a piece is read without walking through what comes
/// before, and no read holds its lock for longer than a piece takes.
constexpr std::size_t chunk_size = 262'144;

Status check_submission(const Submission& submission) {
  const auto& recipients = submission.recipients;
  if (recipients.empty()) return fail(Cause::bad_argument, Phase::none, "There are no recipients");
  const std::set<std::string_view> distinct(recipients.begin(), recipients.end());
  if (distinct.size() == recipients.size()) return {};
  return fail(Cause::bad_argument, Phase::none, "A recipient is named twice");
}

EntryId insert_entry(Database& database, const Submission& submission, std::int64_t octets,
                     double now) {
  database
      .use(
          "INSERT INTO entry (account, settings, sender, message_id, subject, draft, fingerprint,"
          " octets, facts, created, due) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?10, ?10)")(
          submission.account)(submission.settings)(submission.sender)(submission.message_id)(
          submission.subject)(submission.draft)(submission.fingerprint)(octets)(submission.facts)(
          std::optional(now))
      .exec();
  return database.last_id();
}

void insert_recipients(Database& database, EntryId id, const std::vector<std::string>& addresses) {
  for (std::size_t place = 0; place < addresses.size(); ++place) {
    database
        .use("INSERT INTO recipient (entry, place, address) VALUES (?, ?, ?)")(id)(
            place)(addresses[place])
        .exec();
  }
}

void insert_chunk(Database& database, EntryId id, std::size_t sequence, std::string_view chunk) {
  database.use("INSERT INTO chunk (entry, seq, data) VALUES (?, ?, ?)")(id)(sequence)
      .blob(chunk)
      .exec();
}

Status insert_text(Database& database, EntryId id, std::string_view message) {
  for (std::size_t sequence = 0; !message.empty(); ++sequence) {
    const std::string_view chunk = message.substr(0, chunk_size);
    message.remove_prefix(chunk.size());
    insert_chunk(database, id, sequence, chunk);
  }
  return {};
}

Status insert_spool(Database& database, EntryId id, const Spool& spool) {
  std::int64_t offset = 0;
  for (std::size_t sequence = 0; offset < spool.octets(); ++sequence) {
    auto chunk = spool.read(offset, chunk_size);
    if (!chunk) return fail(chunk.error());
    if (chunk->empty())
      return fail(Cause::storage, Phase::none, "The temporary file of the message is incomplete");
    insert_chunk(database, id, sequence, *chunk);
    offset += static_cast<std::int64_t>(chunk->size());
  }
  return {};
}

/// A commit whose last sync fails is an error, and yet to be seen in the file: SQLite can no longer
/// take it back.  An enqueue that was reported as failed must not send, so it is deleted, as far as
/// possible.
void undo_enqueue(Core& core, EntryId id, const Submission& submission, double created) {
  Transaction transaction(*core.database, Access::write);
  core.database
      ->use("DELETE FROM entry WHERE id = ? AND created = ? AND message_id = ?")(id)(
          std::optional(created))(submission.message_id)
      .exec();
  static_cast<void>(transaction.commit());
}

std::string message_part(Database& database, EntryId id, std::size_t offset, std::size_t limit) {
  const std::size_t end = limit > SIZE_MAX - offset ? SIZE_MAX : offset + limit;
  std::string part;
  Use row = database.use(
      "SELECT seq, data FROM chunk WHERE entry = ? AND seq BETWEEN ? AND ? ORDER BY seq")(id)(
      offset / chunk_size)((end - 1) / chunk_size);
  while (row.next()) {
    const std::size_t start = static_cast<std::size_t>(row.integer(0)) * chunk_size;
    std::string_view data = row.bytes(1);
    if (offset > start) data.remove_prefix(std::min(offset - start, data.size()));
    part += data.substr(0, limit - part.size());
  }
  return part;
}

std::optional<Entry> newest(Database& database, std::string_view query, std::string_view key) {
  Use row = database.use(query)(key);
  if (!row.next()) return std::nullopt;
  return load_entry(database, row.integer(0));
}

/// The rows of a check as lines; "" if all it says is "ok".
std::string verdict_of(Use check) {
  std::string lines;
  while (check.next()) {
    if (check.bytes(0) != "ok") lines += check.text(0) + "\n";
  }
  return lines;
}

}  // namespace

Result<std::unique_ptr<Outbox>> Outbox::open(const std::string& directory) {
  auto opened = open_file(directory);
  if (!opened) return fail(opened.error());
  opened->owners.sweep();
  TemporaryFile::sweep(directory);
  auto outbox = std::make_unique<OutboxFile>(std::move(*opened));
  if (auto recovered = outbox->recover(); !recovered) return fail(recovered.error());
  return outbox;
}

Result<EntryId> OutboxFile::enqueue(const Submission& submission, std::string_view message) {
  return insert(
      submission, static_cast<std::int64_t>(message.size()),
      [message](Database& database, EntryId id) { return insert_text(database, id, message); });
}

Result<EntryId> OutboxFile::enqueue(const Submission& submission, const Spool& spool) {
  return insert(submission, spool.octets(), [&spool](Database& database, EntryId id) {
    return insert_spool(database, id, spool);
  });
}

Result<EntryId> OutboxFile::insert(const Submission& submission, std::int64_t octets,
                                   const InsertMessage& insert_message) {
  if (auto good = check_submission(submission); !good) return fail(good.error());
  const double now = wall_clock();
  EntryId id = 0;
  auto core = core_.lock();
  auto stored = change(*core, [&](Core& inside) -> Result<EntryId> {
    id = insert_entry(*inside.database, submission, octets, now);
    insert_recipients(*inside.database, id, submission.recipients);
    if (auto status = insert_message(*inside.database, id); !status) return fail(status.error());
    return id;
  });
  if (!stored && !core->database->busy()) undo_enqueue(*core, id, submission, now);
  return stored;
}

Result<std::vector<Entry>> OutboxFile::entries() {
  auto core = core_.lock();
  return consult(*core, load_entries);
}

Result<std::optional<Entry>> OutboxFile::entry(EntryId id) {
  auto core = core_.lock();
  return consult(*core, [id](Database& database) { return load_entry(database, id); });
}

/// The state of each entry as `more_urgent` has it: in doubt, failed, then what is unsent.
Result<Tally> OutboxFile::tally(double now) {
  auto core = core_.lock();
  return consult(*core, [now](Database& database) {
    Use row = database.use(
        "SELECT count(CASE WHEN doubt = 0 AND failed = 0 AND (soon OR later) THEN 1 END),"
        "       count(CASE WHEN doubt THEN 1 END),"
        "       count(CASE WHEN doubt = 0 AND failed = 0 AND (soon OR (later AND due <= ?)) THEN 1 "
        "END)"
        " FROM (SELECT max(state = 'in-doubt') AS doubt, max(state = 'failed') AS failed,"
        "              max(state IN ('queued', 'sending')) AS soon,"
        "              max(state = 'deferred') AS later, due"
        "       FROM entry JOIN recipient ON recipient.entry = entry.id"
        "       WHERE resolved = 0 GROUP BY entry.id)")(std::optional(now));
    Tally tally;
    if (row.next()) tally = {row.integer(0), row.integer(1), row.integer(2)};
    return tally;
  });
}

Result<std::optional<Entry>> OutboxFile::find_draft(std::string_view draft) {
  if (draft.empty()) return std::nullopt;
  auto core = core_.lock();
  return consult(*core, [draft](Database& database) {
    return newest(database,
                  "SELECT id FROM entry WHERE draft <> '' AND draft = ? ORDER BY id DESC LIMIT 1",
                  draft);
  });
}

Result<std::optional<Entry>> OutboxFile::find_fingerprint(std::string_view fingerprint) {
  if (fingerprint.empty()) return std::nullopt;
  auto core = core_.lock();
  return consult(*core, [fingerprint](Database& database) {
    return newest(database,
                  "SELECT id FROM entry WHERE fingerprint <> '' AND fingerprint = ?"
                  " ORDER BY id DESC LIMIT 1",
                  fingerprint);
  });
}

Result<std::string> OutboxFile::read_message(EntryId id, std::int64_t offset, std::size_t limit) {
  if (offset < 0) return fail(Cause::bad_argument, Phase::none, "Offset below zero in a message");
  if (limit == 0) return std::string();
  auto core = core_.lock();
  return consult(*core, [&](Database& database) {
    return message_part(database, id, static_cast<std::size_t>(offset), limit);
  });
}

Result<std::optional<EntryId>> OutboxFile::due(double now) {
  auto core = core_.lock();
  return consult(*core, [now](Database& database) -> std::optional<EntryId> {
    Use row = database.use("SELECT id FROM entry WHERE due <= ? ORDER BY due, id LIMIT 1")(
        std::optional(now));
    if (!row.next()) return std::nullopt;
    return row.integer(0);
  });
}

/// With min() alone SQLite takes the other columns from the row that has the least.
Result<std::vector<DueGroup>> OutboxFile::due_groups(double now) {
  auto core = core_.lock();
  return consult(*core, [now](Database& database) {
    std::vector<DueGroup> groups;
    Use row = database.use(
        "SELECT id, (SELECT max(other.id) FROM entry AS other WHERE other.due <= ?1"
        "  AND other.account = entry.account AND other.settings = entry.settings),"
        " settings, count(*), min(due) FROM entry WHERE due <= ?1"
        " GROUP BY account, settings ORDER BY min(due), id")(std::optional(now));
    while (row.next())
      groups.push_back({row.integer(0), row.integer(1), row.text(2), row.integer(3)});
    return groups;
  });
}

Result<double> OutboxFile::next_due(double now) {
  auto core = core_.lock();
  return consult(*core, [now](Database& database) {
    Use row = database.use("SELECT min(due) FROM entry WHERE due > ?")(std::optional(now));
    return row.next() ? row.real(0) : 0;
  });
}

Status OutboxFile::set_next_try(EntryId id, double time) {
  auto core = core_.lock();
  return change(*core, [&](Core& inside) -> Status {
    // Not 0, which would say that none is planned.
    settle_entry(*inside.database, id, std::max(time, 1.0), wall_clock());
    return {};
  });
}

Status OutboxFile::set_warned(EntryId id) {
  auto core = core_.lock();
  return change(*core, [id](Core& inside) -> Status {
    inside.database->use("UPDATE entry SET warned = 1 WHERE id = ?")(id).exec();
    return {};
  });
}

Status OutboxFile::set_settings(EntryId id, std::string_view account, std::string_view settings) {
  auto core = core_.lock();
  return change(*core, [&](Core& inside) -> Status {
    inside.database
        ->use(
            "UPDATE entry SET account = ?2, settings = ?3 WHERE id = ?1 AND NOT EXISTS"
            " (SELECT 1 FROM attempt WHERE entry = ?1 AND ended IS NULL)")(id)(account)(settings)
        .exec();
    if (inside.database->changes() == 1) return {};
    return fail(Cause::bad_argument, Phase::none,
                "Entry " + std::to_string(id) + " is being sent, or there is no such entry");
  });
}

Result<std::vector<std::string>> OutboxFile::transcripts(EntryId id) {
  auto core = core_.lock();
  return consult(*core, [id](Database& database) {
    std::vector<std::string> found;
    Use row = database.use(
        "SELECT transcript FROM attempt WHERE entry = ? AND ended IS NOT NULL ORDER BY id")(id);
    while (row.next()) found.push_back(row.text(0));
    return found;
  });
}

Result<std::string> OutboxFile::finding(std::string_view server, std::string_view key) {
  auto core = core_.lock();
  return consult(*core, [&](Database& database) {
    Use row = database.use("SELECT value FROM finding WHERE server = ? AND key = ?")(server)(key);
    return row.next() ? row.text(0) : std::string();
  });
}

Status OutboxFile::set_finding(std::string_view server, std::string_view key,
                               std::string_view value) {
  auto core = core_.lock();
  return change(*core, [&](Core& inside) -> Status {
    Database& database = *inside.database;
    if (value.empty()) {
      database.use("DELETE FROM finding WHERE server = ? AND key = ?")(server)(key).exec();
    } else {
      database
          .use("INSERT OR REPLACE INTO finding (server, key, value, found) VALUES (?, ?, ?, ?)")(
              server)(key)(value)(std::optional(wall_clock()))
          .exec();
    }
    return {};
  });
}

Result<int> OutboxFile::forget_before(double time) {
  auto core = core_.lock();
  return change(*core, [time](Core& inside) -> Result<int> {
    Database& database = *inside.database;
    database.use("DELETE FROM entry WHERE resolved > 0 AND resolved < ?")(std::optional(time))
        .exec();
    const int forgotten = database.changes();
    // Gives the room of what was forgotten back to the disk.
    if (forgotten > 0) database.script("PRAGMA incremental_vacuum");
    return forgotten;
  });
}

Result<std::string> OutboxFile::integrity() {
  auto core = core_.lock();
  return consult(*core, [](Database& database) {
    return verdict_of(database.use("PRAGMA integrity_check(20)")) +
           verdict_of(database.use(
               "SELECT 'dangling row in ' || \"table\" FROM pragma_foreign_key_check"));
  });
}

}  // namespace sendonce::outbox
