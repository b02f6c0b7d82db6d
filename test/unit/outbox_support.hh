// What the tests of the outbox share: a directory that goes away, a raw connection beside the
// outbox, and short ways to say the usual.

#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "outbox/database.hh"
#include "outbox/outbox.hh"

namespace sendonce::outbox {

class TemporaryDirectory {
 public:
  TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();
  [[nodiscard]] std::string path() const { return path_; }
  [[nodiscard]] std::string file() const { return path_ + "/outbox.sqlite"; }

 private:
  std::string path_;
};

/// Opens it, or stops the test.
std::unique_ptr<Outbox> opened(const std::string& directory);
/// The living owners of the outbox in DIRECTORY seem dead: their lock files are elsewhere.
void take_owners_away(const TemporaryDirectory& directory);
/// Runs SQL on FILE by a connection of its own.
void run_sql(const std::string& file, const std::string& sql);
std::string query(const std::string& file, const std::string& sql);

/// To three recipients, account "work".
Submission submission(const std::string& draft = "draft-1");
/// One outcome for each STATE; 4yz, 5yz and 2yz as they fit.
AttemptEnd ending(const std::vector<State>& states, double next_try = 0);
/// The states of the entry's recipients by name, "sent deferred failed"; "none" if it is not there.
std::string states(Outbox& outbox, EntryId id);
std::string states(const Entry& entry);
/// The entry, which must be there.
Entry entry_of(Outbox& outbox, EntryId id);
/// SIZE bytes, no two neighbours of which repeat in a chunk.
std::string message_of(std::size_t size);
std::string stored_message(Outbox& outbox, EntryId id);

constexpr double far_future = 1e12;

}  // namespace sendonce::outbox
