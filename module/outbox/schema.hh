// The tables of outbox.sqlite and how a file of an older version becomes one of this version.
//
// Owns the application id (whose file it is) and the list of steps: step i makes version i + 1 out
// of version i, and the length of the list is the version we know.  A step that has been released
// is never changed; a change of the tables is a new step.  Called while the outbox is opened, under
// its gate.

#pragma once

#include <cstdint>
#include <span>

#include "base/result.hh"
#include "outbox/database.hh"

namespace sendonce::outbox {

/// "Snd1": in the file's header, so that file(1) and SQLite tell our file from another.
constexpr std::int64_t application_id = 0x536E6431;

/// The steps to the present version.
std::span<const char* const> schema_steps();

/// Whose file, and of which version?
struct Origin {
  bool empty = false;  ///< no tables, no ids: a new file
  bool ours = false;
  std::int64_t version = 0;
};
Origin origin_of(Database& database);

/// Brings the file to the version that STEPS lead to, all in one transaction.
Status migrate(Database& database, std::span<const char* const> steps = schema_steps());

}  // namespace sendonce::outbox
