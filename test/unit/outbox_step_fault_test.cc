// Ends, barrier and claim in one change, under fire: every operation on the file fails once, or is
// the last one before the power goes.  All of the change is there afterwards, or nothing.

#include "outbox_fault_vfs.hh"
#include "outbox_support.hh"

namespace sendonce::outbox {
namespace {

const std::vector<std::size_t> everybody = {0, 1, 2};

/// Of three entries the first is past its barrier, the second claimed, the third due; a step ends
/// the first, commits the second, claims the third.
class StepFaults : public testing::Test {
 protected:
  void prepare(const TemporaryDirectory& directory) {
    faults_.start_counting();
    faults_.forget();
    outbox_ = opened(directory.path());
    for (const char* draft : {"a", "b", "c"})
      ASSERT_TRUE(outbox_->enqueue(submission(draft), draft));
    first_ = outbox_->claim(1).value().value();
    second_ = outbox_->claim(2).value().value();
    ASSERT_TRUE(outbox_->committing(first_.id, everybody));
  }

  Result<Stepped> step() {
    return outbox_->step({{{first_.id, &end_}}, Step::Commit{second_.id, {0, 1}}, &second_.entry});
  }

  static std::string all(Outbox& outbox) {
    return states(outbox, 1) + ", " + states(outbox, 2) + ", " + states(outbox, 3);
  }

  /// False if the step has fewer than N operations.
  bool crash(int n, Loss loss) {
    const TemporaryDirectory directory;
    prepare(directory);
    faults_.crash_at(n);
    const auto stepped = step();
    const bool fired = faults_.fired();
    outbox_.reset();
    faults_.power_returns(loss, static_cast<unsigned>(n));
    const auto after = opened(directory.path());
    EXPECT_EQ(after->notice(), "") << n;
    EXPECT_EQ(after->integrity().value(), "") << n;
    const std::string found = all(*after);
    const bool good = found == done || (!stepped && found == undone);
    EXPECT_TRUE(good) << n << (stepped ? " (returned OK): " : " (error): ") << found;
    (found == done ? done_ : undone_) += 1;
    return fired;
  }

  void crash_everywhere(Loss loss) {
    int n = 1;
    while (crash(n, loss)) ++n;
    EXPECT_GT(n, 5);
    EXPECT_GT(undone_, 0);
    EXPECT_GT(done_, 0);
  }

  /// Operation N fails once; the step is asked for again.
  bool fail_once(int n, int code, Cause cause) {
    const TemporaryDirectory directory;
    prepare(directory);
    faults_.fail_at(n, code);
    const auto stepped = step();
    const bool fired = faults_.fired();
    faults_.start_counting();
    if (!stepped) {
      EXPECT_EQ(stepped.error().cause, cause) << n << ": " << stepped.error().message;
      ask_again(n);
    } else {
      EXPECT_TRUE(stepped->commit && stepped->claimed) << n;
    }
    EXPECT_EQ(all(*outbox_), finished) << n;
    EXPECT_EQ(outbox_->integrity().value(), "") << n;
    outbox_.reset();
    EXPECT_EQ(all(*opened(directory.path())), done) << n;
    return fired;
  }

  /// After an error nothing was done; or all, where the last sync of the commit failed.  Then the
  /// claim was handed out to nobody: it is as dead as a dead owner's.
  void ask_again(int n) {
    const bool late = all(*outbox_) == finished;
    if (!late) {
      EXPECT_EQ(all(*outbox_), running) << n;
    }
    const auto again = step();
    ASSERT_TRUE(again && again->commit) << n;
    EXPECT_EQ(again->claimed.has_value(), !late) << n;
    if (!late) return;
    EXPECT_EQ(outbox_->recover().value(), std::vector<EntryId>{3}) << n;
    EXPECT_TRUE(outbox_->claim(3).value()) << n;
  }

  static constexpr const char* running =
      "sending sending sending, sending sending sending, queued queued queued";
  static constexpr const char* finished =
      "sent in-doubt deferred, sending sending sending, sending sending sending";
  // After a crash and a recovery:
  static constexpr const char* undone =
      "in-doubt in-doubt in-doubt, deferred deferred deferred, queued queued queued";
  static constexpr const char* done =
      "sent in-doubt deferred, in-doubt in-doubt deferred, deferred deferred deferred";

  FaultVfs faults_;
  std::unique_ptr<Outbox> outbox_;
  Attempt first_;
  Attempt second_;
  AttemptEnd end_ = ending({State::sent, State::in_doubt, State::deferred}, far_future);
  int done_ = 0;
  int undone_ = 0;
};

TEST_F(StepFaults, ProcessDiesAtEveryOperation) { crash_everywhere(Loss::nothing); }
TEST_F(StepFaults, PowerGoesAtEveryOperationAndTakesAllUnsynced) { crash_everywhere(Loss::all); }
TEST_F(StepFaults, PowerGoesAtEveryOperationAndTakesSome) { crash_everywhere(Loss::some); }

TEST_F(StepFaults, EveryOperationFailsOnce) {
  for (int n = 1; fail_once(n, SQLITE_IOERR_WRITE, Cause::storage); ++n) continue;
}

TEST_F(StepFaults, TheDiskIsFullAtEveryOperation) {
  for (int n = 1; fail_once(n, SQLITE_FULL, Cause::storage_full); ++n) continue;
}

/// What it is for: not more than one change costs.
TEST_F(StepFaults, CostsLessThanItsParts) {
  const TemporaryDirectory together;
  prepare(together);
  faults_.start_counting();
  ASSERT_TRUE(step());
  const int one = faults_.operations();
  const TemporaryDirectory apart;
  prepare(apart);
  faults_.start_counting();
  ASSERT_TRUE(outbox_->finish(first_.id, end_));
  ASSERT_TRUE(outbox_->committing(second_.id, {0, 1}));
  ASSERT_TRUE(outbox_->claim(3).value());
  EXPECT_LT(2 * one, faults_.operations());
}

}  // namespace
}  // namespace sendonce::outbox
