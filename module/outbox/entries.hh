// Entries as rows: loading them whole, and the two facts of an entry that follow from its
// recipients (when it is due, since when it rests).  Free functions inside somebody's transaction:
// errors stick in the Database, and its owner asks for them at the end.

#pragma once

#include <optional>
#include <vector>

#include "outbox/database.hh"
#include "outbox/types.hh"

namespace sendonce::outbox {

/// Newest first, recipients included, in two queries.
std::vector<Entry> load_entries(Database& database);
std::optional<Entry> load_entry(Database& database, EntryId id);

/// To be called after every change of recipients or attempts of ID.  DUE is when those who wait are
/// to be tried (nullopt: as planned before); NOW is the time of coming to rest.
void settle_entry(Database& database, EntryId id, std::optional<double> due, double now);

}  // namespace sendonce::outbox
