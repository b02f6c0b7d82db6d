// The three barriers under fire: every operation on the file, of every stage of a send, fails once
// or is the last one before the power goes.  Whatever returned OK must be there; whatever did not
// must be there whole or not at all.

#include <functional>
#include <set>

#include "base/clock.hh"
#include "outbox_fault_vfs.hh"
#include "outbox_support.hh"

namespace sendonce::outbox {
namespace {

const std::string message = message_of(20'000);

/// One send, stage after stage; each step works on what the last left.
struct Send {
  EntryId id = 0;
  std::optional<Attempt> attempt;
};

struct Stage {
  const char* name;
  std::function<Status(Outbox&, Send&)> run;
  std::set<std::string> done;    ///< states after it returned OK, a crash and a recovery
  std::set<std::string> undone;  ///< more that are allowed if it returned an error
};

Status enqueue(Outbox& outbox, Send& send) {
  auto id = outbox.enqueue(submission(), message);
  if (!id) return fail(id.error());
  send.id = *id;
  return {};
}

Status claim(Outbox& outbox, Send& send) {
  auto attempt = outbox.claim(send.id);
  if (!attempt) return fail(attempt.error());
  send.attempt = *attempt;
  return {};
}

Status commit(Outbox& outbox, Send& send) { return outbox.committing(send.attempt->id, {0, 1}); }

Status finish(Outbox& outbox, Send& send) {
  return outbox.finish(send.attempt->id,
                       ending({State::sent, State::in_doubt, State::deferred}, far_future));
}

Status settle(Outbox& outbox, Send& send) {
  auto changed = outbox.settle(send.id, State::in_doubt, State::queued);
  return changed ? Status{} : fail(changed.error());
}

Status cancel(Outbox& outbox, Send& send) {
  auto entirely = outbox.cancel(send.id);
  return entirely ? Status{} : fail(entirely.error());
}

Status forget(Outbox& outbox, Send&) {
  auto forgotten = outbox.forget_before(wall_clock() + 10);
  return forgotten ? Status{} : fail(forgotten.error());
}

const std::vector<Stage>& stages() {
  static const std::vector<Stage> all{
      {"enqueue", enqueue, {"queued queued queued"}, {"none"}},
      {"claim", claim, {"deferred deferred deferred"}, {"queued queued queued"}},
      {"committing", commit, {"in-doubt in-doubt deferred"}, {"deferred deferred deferred"}},
      {"finish", finish, {"sent in-doubt deferred"}, {"in-doubt in-doubt deferred"}},
      {"settle", settle, {"sent queued deferred"}, {"sent in-doubt deferred"}},
      {"cancel", cancel, {"sent cancelled cancelled"}, {"sent queued deferred"}},
      {"forget", forget, {"none"}, {"sent cancelled cancelled"}},
  };
  return all;
}

class Faults : public testing::Test {
 protected:
  /// A fresh outbox in which the stages before STAGE have gone well.
  std::unique_ptr<Outbox> prepared(const TemporaryDirectory& directory, std::size_t stage) {
    faults_.start_counting();
    faults_.forget();
    send_ = {};
    auto outbox = opened(directory.path());
    for (std::size_t i = 0; i < stage; ++i) {
      EXPECT_TRUE(stages()[i].run(*outbox, send_)) << stages()[i].name;
    }
    return outbox;
  }

  /// The power goes at operation N of STAGE.  False if the stage has fewer.
  bool crash(std::size_t stage, int n, Loss loss) {
    const TemporaryDirectory directory;
    auto outbox = prepared(directory, stage);
    faults_.crash_at(n);
    const Status status = stages()[stage].run(*outbox, send_);
    const bool fired = faults_.fired();
    outbox.reset();
    faults_.power_returns(loss, static_cast<unsigned>(n));
    check_after(directory, stage, n, status.has_value());
    return fired;
  }

  void check_after(const TemporaryDirectory& directory, std::size_t stage, int n, bool succeeded) {
    auto outbox = opened(directory.path());
    const std::string what = std::string(stages()[stage].name) + ", operation " + std::to_string(n);
    EXPECT_EQ(outbox->notice(), "") << what;
    EXPECT_EQ(outbox->integrity().value(), "") << what;
    const std::string found = states(*outbox, 1);
    const bool allowed = stages()[stage].done.contains(found) ||
                         (!succeeded && stages()[stage].undone.contains(found));
    EXPECT_TRUE(allowed) << what << (succeeded ? " (returned OK): " : " (error): ") << found;
    if (found != "none") {
      EXPECT_EQ(stored_message(*outbox, 1), message) << what;
    }
  }

  void crash_everywhere(Loss loss) {
    for (std::size_t stage = 0; stage < stages().size(); ++stage) {
      int n = 1;
      while (crash(stage, n, loss)) ++n;
      EXPECT_GT(n, 5) << stages()[stage].name << " was hardly tried";
    }
  }

  /// Operation N of STAGE fails with CODE once, and the call is made again.
  bool fail_once(std::size_t stage, int n, int code, Cause cause) {
    const TemporaryDirectory directory;
    auto outbox = prepared(directory, stage);
    const std::string before = states(*outbox, 1);
    faults_.fail_at(n, code);
    const Status status = stages()[stage].run(*outbox, send_);
    const bool fired = faults_.fired();
    faults_.start_counting();
    const std::string what = std::string(stages()[stage].name) + ", operation " + std::to_string(n);
    if (!status) {
      EXPECT_EQ(status.error().cause, cause) << what << ": " << status.error().message;
      EXPECT_NE(status.error().message.find(directory.file()), std::string::npos) << what;
      if (stage == 0) {
        EXPECT_EQ(outbox->entries().value().size(), 0U) << what << ": not stored, yet there";
      }
      EXPECT_TRUE(stages()[stage].run(*outbox, send_)) << what << ", the second time";
    }
    check_while_open(*outbox, stage, what);
    return fired;
  }

  void check_while_open(Outbox& outbox, std::size_t stage, const std::string& what) const {
    static const std::vector<std::string> expected{"queued queued queued",
                                                   "sending sending sending",
                                                   "sending sending sending",
                                                   "sent in-doubt deferred",
                                                   "sent queued deferred",
                                                   "sent cancelled cancelled",
                                                   "none"};
    EXPECT_EQ(states(outbox, send_.id), expected[stage]) << what;
    EXPECT_EQ(outbox.integrity().value(), "") << what;
    if (stage == 1) {
      EXPECT_TRUE(send_.attempt.has_value()) << what;
    }
  }

  void fail_everywhere(int code, Cause cause) {
    for (std::size_t stage = 0; stage < stages().size(); ++stage) {
      for (int n = 1; fail_once(stage, n, code, cause); ++n) continue;
    }
  }

  FaultVfs faults_;
  Send send_;
};

TEST_F(Faults, ProcessDiesAtEveryOperation) { crash_everywhere(Loss::nothing); }
TEST_F(Faults, PowerGoesAtEveryOperationAndTakesAllUnsynced) { crash_everywhere(Loss::all); }
TEST_F(Faults, PowerGoesAtEveryOperationAndTakesSome) { crash_everywhere(Loss::some); }

TEST_F(Faults, EveryOperationFailsOnce) { fail_everywhere(SQLITE_IOERR_WRITE, Cause::storage); }
TEST_F(Faults, TheDiskIsFullAtEveryOperation) { fail_everywhere(SQLITE_FULL, Cause::storage_full); }

TEST_F(Faults, PowerGoesWhileTheOutboxIsMade) {
  for (const Loss loss : {Loss::nothing, Loss::all, Loss::some}) {
    bool fired = true;
    for (int n = 1; fired; ++n) {
      const TemporaryDirectory directory;
      faults_.forget();
      faults_.crash_at(n);
      static_cast<void>(Outbox::open(directory.path()));
      fired = faults_.fired();
      faults_.power_returns(loss, static_cast<unsigned>(n));
      auto outbox = opened(directory.path());
      EXPECT_EQ(outbox->notice(), "") << n;
      EXPECT_EQ(outbox->integrity().value(), "") << n;
      EXPECT_TRUE(outbox->enqueue(submission(), "x")) << n;
    }
  }
}

TEST_F(Faults, PowerGoesWhileTheDeadAreBuried) {
  bool fired = true;
  for (int n = 1; fired; ++n) {
    const TemporaryDirectory directory;
    prepared(directory, 3).reset();  // committed, and dead
    faults_.forget();
    faults_.crash_at(n);
    static_cast<void>(Outbox::open(directory.path()));
    fired = faults_.fired();
    faults_.power_returns(Loss::some, static_cast<unsigned>(n));
    auto outbox = opened(directory.path());
    EXPECT_EQ(outbox->notice(), "") << n;
    EXPECT_EQ(states(*outbox, 1), "in-doubt in-doubt deferred") << n;
  }
}

// DESIGN.md: three barriers.  A bound on what each may cost; figures in module/INTERNALS.org.
TEST_F(Faults, NoStageTouchesTheFileMoreThanItMust) {
  const TemporaryDirectory directory;
  auto outbox = opened(directory.path());
  faults_.start_counting();
  const EntryId id = outbox->enqueue(submission(), "small").value();
  EXPECT_LT(faults_.operations(), 80);
  faults_.start_counting();
  EXPECT_TRUE(outbox->entries());
  EXPECT_TRUE(outbox->due(far_future));
  EXPECT_TRUE(outbox->recover());
  EXPECT_TRUE(outbox->claim(id + 1));
  EXPECT_EQ(faults_.operations(), 0) << "reading writes";
}

}  // namespace
}  // namespace sendonce::outbox
