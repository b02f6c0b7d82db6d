// See entries.hh.

#include "outbox/entries.hh"

#include <algorithm>

namespace sendonce::outbox {

namespace {

// One list of columns for both queries; entry_of reads them in this order.
#define ENTRY_COLUMNS                                                                      \
  "SELECT id, account, settings, sender, message_id, subject, draft, fingerprint, octets," \
  " created, last_try, due, resolved, warned, attempts, cause, facts FROM entry"
#define RECIPIENT_COLUMNS "SELECT entry, address, state, code, reply FROM recipient"

Entry entry_of(const Use& row) {
  Entry entry;
  entry.id = row.integer(0);
  entry.account = row.text(1);
  entry.settings = row.text(2);
  entry.sender = row.text(3);
  entry.message_id = row.text(4);
  entry.subject = row.text(5);
  entry.draft = row.text(6);
  entry.fingerprint = row.text(7);
  entry.octets = row.integer(8);
  entry.created = row.real(9);
  entry.last_try = row.real(10);
  entry.next_try = row.real(11);
  entry.resolved = row.real(12);
  entry.warned = row.integer(13) != 0;
  entry.attempts = static_cast<int>(row.integer(14));
  entry.cause = row.text(15);
  entry.facts = row.text(16);
  return entry;
}

RecipientRow recipient_of(const Use& row) {
  RecipientRow recipient;
  recipient.address = row.text(1);
  // The schema admits only our names; should one be unknown all the same, nothing is sent by it.
  recipient.state = state_from_name(row.bytes(2)).value_or(State::in_doubt);
  recipient.code = static_cast<int>(row.integer(3));
  recipient.reply = row.text(4);
  return recipient;
}

/// The most urgent recipient, the first of several, speaks for the entry.
void derive(Entry& entry) {
  const auto spokesman = std::min_element(
      entry.recipients.begin(), entry.recipients.end(),
      [](const RecipientRow& a, const RecipientRow& b) { return more_urgent(a.state, b.state); });
  if (spokesman == entry.recipients.end()) return;
  entry.state = spokesman->state;
  entry.reply = spokesman->reply;
}

}  // namespace

std::vector<Entry> load_entries(Database& database) {
  std::vector<Entry> entries;
  Use entry = database.use(ENTRY_COLUMNS " ORDER BY id DESC");
  while (entry.next()) entries.push_back(entry_of(entry));
  Use row = database.use(RECIPIENT_COLUMNS " ORDER BY entry DESC, place");
  auto at = entries.begin();
  while (row.next()) {
    while (at != entries.end() && at->id > row.integer(0)) ++at;
    if (at != entries.end() && at->id == row.integer(0)) {
      at->recipients.push_back(recipient_of(row));
    }
  }
  std::for_each(entries.begin(), entries.end(), derive);
  return entries;
}

std::optional<Entry> load_entry(Database& database, EntryId id) {
  Use found = database.use(ENTRY_COLUMNS " WHERE id = ?")(id);
  if (!found.next()) return std::nullopt;
  Entry entry = entry_of(found);
  Use row = database.use(RECIPIENT_COLUMNS " WHERE entry = ? ORDER BY place")(id);
  while (row.next()) entry.recipients.push_back(recipient_of(row));
  derive(entry);
  return entry;
}

void settle_entry(Database& database, EntryId id, std::optional<double> due, double now) {
  database
      .use(
          "UPDATE entry SET"
          " due = CASE"
          "  WHEN EXISTS (SELECT 1 FROM attempt WHERE entry = ?1 AND ended IS NULL)"
          "   OR NOT EXISTS (SELECT 1 FROM recipient"
          "                  WHERE entry = ?1 AND state IN ('queued', 'deferred')) THEN NULL"
          "  ELSE coalesce(?2, due) END,"
          " resolved = CASE"
          "  WHEN EXISTS (SELECT 1 FROM recipient"
          "               WHERE entry = ?1 AND state NOT IN ('sent', 'failed', 'cancelled')) THEN 0"
          "  WHEN resolved > 0 THEN resolved ELSE ?3 END "
          "WHERE id = ?1")(id)(due)(std::optional(now))
      .exec();
}

}  // namespace sendonce::outbox
