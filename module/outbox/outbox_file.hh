// The Outbox on SQLite.  Private to outbox/: everybody else sees outbox.hh.
//
// One lock (Core's) around one connection, so a call is one transaction and threads take turns;
// other processes take turns by SQLite's own lock.  `live` holds the attempts that this object has
// handed out and that have not ended: what the journal calls open, is ours, and is not among them
// was never handed out (its commit failed late), and is as dead as a dead owner's.
//
// outbox_file.cc has entries and settings, attempts.cc what changes the state of recipients.

#pragma once

#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/synchronised.hh"
#include "outbox/database.hh"
#include "outbox/opening.hh"
#include "outbox/outbox.hh"
#include "outbox/owners.hh"

namespace sendonce::outbox {

/// An attempt handed out: which recipients are meant by the indexes that come back.
struct Claimed {
  EntryId entry = 0;
  std::vector<std::size_t> places;
};

struct Core {
  Owners owners;  // outlives the connection: nobody sets aside a file that is open
  std::unique_ptr<Database> database;
  std::map<AttemptId, Claimed> live;
};

/// Runs WORK(core), which gives a Result, as one durable change.  An error of WORK's own rolls back
/// and is returned.  Begun again when another process was in the way.
template <class Work>
std::invoke_result_t<Work, Core&> change(Core& core, Work work) {
  constexpr int most_tries = 2;
  for (int tries = 1;; ++tries) {
    Transaction transaction(*core.database, Access::write);
    auto result = work(core);
    if (!core.database->failed() && !result) return result;
    auto done = transaction.commit();
    if (done) return result;
    if (!core.database->busy() || tries == most_tries) return fail(done.error());
  }
}

/// The value of READ(database), all of it from one state of the file.
template <class Read>
Result<std::invoke_result_t<Read, Database&>> consult(Core& core, Read read) {
  Transaction transaction(*core.database, Access::read);
  auto value = read(*core.database);
  if (auto done = transaction.commit(); !done) return fail(done.error());
  return value;
}

class OutboxFile final : public Outbox {
 public:
  explicit OutboxFile(Opened opened)
      : notice_(std::move(opened.notice)),
        core_(Core{std::move(opened.owners), std::move(opened.database), {}}) {}

  [[nodiscard]] std::string notice() const override { return notice_; }
  Result<EntryId> enqueue(const Submission& submission, std::string_view message) override;
  Result<EntryId> enqueue(const Submission& submission, const Spool& spool) override;
  Result<std::vector<Entry>> entries() override;
  Result<std::optional<Entry>> entry(EntryId id) override;
  Result<Tally> tally(double now) override;
  Result<std::optional<Entry>> find_draft(std::string_view draft) override;
  Result<std::optional<Entry>> find_fingerprint(std::string_view fingerprint) override;
  Result<std::string> read_message(EntryId id, std::int64_t offset, std::size_t limit) override;
  Result<std::optional<Attempt>> claim(EntryId id) override;
  Result<std::optional<EntryId>> due(double now) override;
  Result<std::vector<DueGroup>> due_groups(double now) override;
  Result<double> next_due(double now) override;
  Status set_next_try(EntryId id, double time) override;
  Status set_warned(EntryId id) override;
  Status set_settings(EntryId id, std::string_view account, std::string_view settings) override;
  Status committing(AttemptId attempt, const std::vector<std::size_t>& recipients) override;
  Status uncommit(AttemptId attempt) override;
  Status finish(AttemptId attempt, const AttemptEnd& end) override;
  Result<Stepped> step(const Step& step) override;
  Result<bool> cancel(EntryId id) override;
  Result<int> settle(EntryId id, State from, State to) override;
  Result<bool> others_at_work() override;
  Result<std::vector<EntryId>> recover() override;
  Result<std::vector<std::string>> transcripts(EntryId id) override;
  Result<std::string> finding(std::string_view server, std::string_view key) override;
  Status set_finding(std::string_view server, std::string_view key,
                     std::string_view value) override;
  Result<int> forget_before(double time) override;
  Result<std::string> integrity() override;

 private:
  using InsertMessage = std::function<Status(Database&, EntryId)>;
  Result<EntryId> insert(const Submission& submission, std::int64_t octets,
                         const InsertMessage& insert_message);

  std::string notice_;
  Synchronised<Core> core_;
};

}  // namespace sendonce::outbox
