// The states of a recipient, transition by transition, as DESIGN.md section 1 has them.

#include "base/clock.hh"
#include "outbox_support.hh"

namespace sendonce::outbox {
namespace {

class States : public testing::Test {
 protected:
  Attempt claimed() { return outbox_->claim(id_).value().value(); }
  /// Its living owner goes, an other looks.
  void restart() {
    outbox_.reset();
    outbox_ = opened(directory_.path());
  }
  [[nodiscard]] std::string now() { return states(*outbox_, id_); }
  Entry entry() { return entry_of(*outbox_, id_); }

  TemporaryDirectory directory_;
  std::unique_ptr<Outbox> outbox_ = opened(directory_.path());
  EntryId id_ = outbox_->enqueue(submission(), "message").value();
};

TEST_F(States, ANewEntryIsQueuedAndDue) {
  EXPECT_EQ(now(), "queued queued queued");
  EXPECT_EQ(entry().state, State::queued);
  EXPECT_EQ(outbox_->due(wall_clock()).value(), id_);
  EXPECT_EQ(entry().next_try, entry().created);
  EXPECT_EQ(entry().resolved, 0);
}

TEST_F(States, AClaimSends) {
  const Attempt attempt = claimed();
  EXPECT_EQ(now(), "sending sending sending");
  EXPECT_EQ(attempt.recipients, (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_EQ(states(attempt.entry), now());
  EXPECT_EQ(attempt.entry.attempts, 1);
  EXPECT_GT(attempt.entry.last_try, 0);
  EXPECT_EQ(attempt.entry.next_try, 0);
  EXPECT_EQ(outbox_->due(far_future).value(), std::nullopt);
  EXPECT_EQ(outbox_->next_due(0).value(), 0);
}

TEST_F(States, OneClaimAtATime) {
  const Attempt attempt = claimed();
  EXPECT_EQ(outbox_->claim(id_).value(), std::nullopt);
  const auto other = opened(directory_.path());
  EXPECT_EQ(other->claim(id_).value(), std::nullopt);
  ASSERT_TRUE(
      outbox_->finish(attempt.id, ending({State::deferred, State::deferred, State::deferred}, 5)));
  EXPECT_TRUE(other->claim(id_).value().has_value());
  EXPECT_EQ(outbox_->claim(id_).value(), std::nullopt);
}

TEST_F(States, AnEndRecordsEachOutcome) {
  const Attempt attempt = claimed();
  ASSERT_TRUE(outbox_->committing(attempt.id, {0, 1}));
  EXPECT_EQ(now(), "sending sending sending");
  ASSERT_TRUE(
      outbox_->finish(attempt.id, ending({State::sent, State::failed, State::deferred}, 77)));
  const Entry after = entry();
  EXPECT_EQ(states(after), "sent failed deferred");
  EXPECT_EQ(after.recipients[0].code, 250);
  EXPECT_EQ(after.recipients[1].reply, "550 says the server");
  EXPECT_EQ(after.state, State::failed);
  EXPECT_EQ(after.reply, "550 says the server");
  EXPECT_EQ(after.cause, "refused");
  EXPECT_EQ(after.next_try, 77);
  EXPECT_EQ(after.resolved, 0);
  EXPECT_EQ(outbox_->transcripts(id_).value(), std::vector<std::string>{"S: 220 hello\n"});
}

TEST_F(States, OnlyTheUnsentAreClaimedAgain) {
  ASSERT_TRUE(
      outbox_->finish(claimed().id, ending({State::sent, State::deferred, State::in_doubt}, 5)));
  const Attempt second = claimed();
  EXPECT_EQ(second.recipients, (std::vector<std::size_t>{1}));
  ASSERT_TRUE(outbox_->committing(second.id, {0}));
  ASSERT_TRUE(outbox_->finish(second.id, ending({State::sent})));
  EXPECT_EQ(now(), "sent sent in-doubt");
  EXPECT_EQ(entry().attempts, 2);
  EXPECT_EQ(outbox_->claim(id_).value(), std::nullopt);
}

TEST_F(States, AllSentIsAtRest) {
  ASSERT_TRUE(outbox_->finish(claimed().id, ending({State::sent, State::sent, State::sent})));
  EXPECT_EQ(entry().state, State::sent);
  EXPECT_GT(entry().resolved, 0);
  EXPECT_EQ(entry().cause, "");
  EXPECT_EQ(outbox_->due(far_future).value(), std::nullopt);
}

TEST_F(States, DeferredWithoutAPlanWaitsForTheUser) {
  ASSERT_TRUE(
      outbox_->finish(claimed().id, ending({State::deferred, State::sent, State::sent}, 0)));
  EXPECT_EQ(outbox_->next_due(0).value(), 0);
  ASSERT_TRUE(outbox_->set_next_try(id_, 123));
  EXPECT_EQ(outbox_->next_due(0).value(), 123);
  EXPECT_EQ(outbox_->due(123).value(), id_);
  EXPECT_EQ(outbox_->due(122).value(), std::nullopt);
}

TEST_F(States, OnlyWhoWaitsCanBeMadeDue) {
  const Attempt attempt = claimed();
  ASSERT_TRUE(outbox_->set_next_try(id_, 5));
  EXPECT_EQ(outbox_->due(far_future).value(), std::nullopt);
  ASSERT_TRUE(outbox_->finish(attempt.id, ending({State::sent, State::failed, State::in_doubt})));
  ASSERT_TRUE(outbox_->set_next_try(id_, 5));
  EXPECT_EQ(outbox_->due(far_future).value(), std::nullopt);
  EXPECT_TRUE(outbox_->set_next_try(99, 5));
}

TEST_F(States, AnEndMayBeReportedTwice) {
  const Attempt attempt = claimed();
  const AttemptEnd end = ending({State::in_doubt, State::deferred, State::failed}, 9);
  ASSERT_TRUE(outbox_->finish(attempt.id, end));
  ASSERT_EQ(outbox_->settle(id_, State::in_doubt, State::sent).value(), 1);
  EXPECT_TRUE(outbox_->finish(attempt.id, end));
  EXPECT_EQ(now(), "sent deferred failed");
}

TEST_F(States, WrongCallsAreRefusedAndChangeNothing) {
  EXPECT_EQ(outbox_->finish(99, {}).error().cause, Cause::bad_argument);
  EXPECT_EQ(outbox_->committing(99, {0}).error().cause, Cause::bad_argument);
  const Attempt attempt = claimed();
  EXPECT_EQ(outbox_->committing(attempt.id, {}).error().cause, Cause::bad_argument);
  EXPECT_EQ(outbox_->committing(attempt.id, {3}).error().cause, Cause::bad_argument);
  EXPECT_EQ(outbox_->finish(attempt.id, ending({State::sent})).error().cause, Cause::bad_argument);
  EXPECT_EQ(
      outbox_->finish(attempt.id, ending({State::sent, State::sent, State::queued})).error().cause,
      Cause::bad_argument);
  EXPECT_EQ(now(), "sending sending sending");
}

TEST_F(States, ABarrierThatIsTakenBack) {
  const Attempt attempt = claimed();
  ASSERT_TRUE(outbox_->committing(attempt.id, {0, 1}));
  EXPECT_FALSE(outbox_->cancel(id_).value());
  ASSERT_TRUE(outbox_->uncommit(attempt.id));
  EXPECT_EQ(now(), "sending sending sending");
  EXPECT_TRUE(outbox_->cancel(id_).value());
  EXPECT_EQ(outbox_->committing(attempt.id, {0}).error().cause, Cause::cancelled);
  EXPECT_FALSE(outbox_->uncommit(99));
  restart();
  EXPECT_EQ(now(), "cancelled cancelled cancelled");
  EXPECT_FALSE(outbox_->uncommit(attempt.id)) << "it is over";
}

TEST_F(States, DeadAfterABarrierThatWasTakenBack) {
  const Attempt attempt = claimed();
  ASSERT_TRUE(outbox_->committing(attempt.id, {0, 1, 2}));
  ASSERT_TRUE(outbox_->uncommit(attempt.id));
  ASSERT_TRUE(outbox_->committing(attempt.id, {1})) << "it may be passed again";
  restart();
  EXPECT_EQ(now(), "deferred in-doubt deferred");
}

// --- recovery ---

TEST_F(States, DeadBeforeTheBarrierIsDeferredAndDue) {
  claimed();
  restart();
  EXPECT_EQ(now(), "deferred deferred deferred");
  EXPECT_EQ(outbox_->due(wall_clock()).value(), id_);
  EXPECT_EQ(outbox_->transcripts(id_).value().size(), 1U);
}

TEST_F(States, DeadAfterTheBarrierIsInDoubt) {
  ASSERT_TRUE(outbox_->committing(claimed().id, {0, 2}));
  restart();
  EXPECT_EQ(now(), "in-doubt deferred in-doubt");
  EXPECT_EQ(entry().state, State::in_doubt);
  EXPECT_NE(entry().reply, "");
}

TEST_F(States, DeadWithAWishIsCancelled) {
  claimed();
  EXPECT_TRUE(outbox_->cancel(id_).value());
  restart();
  EXPECT_EQ(now(), "cancelled cancelled cancelled");
  EXPECT_GT(entry().resolved, 0);
}

TEST_F(States, TheLivingAreLeftAlone) {
  const Attempt attempt = claimed();
  EXPECT_TRUE(outbox_->recover().value().empty());
  auto other = opened(directory_.path());
  EXPECT_TRUE(other->recover().value().empty());
  EXPECT_EQ(now(), "sending sending sending");
  EXPECT_TRUE(outbox_->committing(attempt.id, {0}));
}

TEST_F(States, TheDeadAreBuriedByWhoLivesOn) {
  auto other = opened(directory_.path());
  const Attempt attempt = other->claim(id_).value().value();
  ASSERT_TRUE(other->committing(attempt.id, {1}));
  other.reset();
  EXPECT_EQ(outbox_->recover().value(), std::vector<EntryId>{id_});
  EXPECT_EQ(now(), "deferred in-doubt deferred");
  EXPECT_TRUE(outbox_->recover().value().empty());
}

TEST_F(States, AClaimBuriesTheDeadOfItsEntry) {
  auto other = opened(directory_.path());
  ASSERT_TRUE(other->committing(other->claim(id_).value().value().id, {0}));
  other.reset();
  EXPECT_EQ(claimed().recipients, (std::vector<std::size_t>{1, 2}));
}

/// Somebody deletes the lock file of a living owner: its attempt is taken for dead.
class TakenForDead : public States {
 protected:
  void SetUp() override {
    attempt_ = other_->claim(id_).value().value();
    take_owners_away(directory_);
  }
  std::unique_ptr<Outbox> other_ = opened(directory_.path());
  Attempt attempt_;
};

TEST_F(TakenForDead, ItCannotPassTheBarrier) {
  EXPECT_EQ(outbox_->recover().value().size(), 1U);
  EXPECT_EQ(other_->committing(attempt_.id, {0}).error().cause, Cause::storage);
  EXPECT_TRUE(
      other_->finish(attempt_.id, ending({State::cancelled, State::deferred, State::failed}, 5)));
  EXPECT_EQ(now(), "deferred deferred failed");
}

TEST_F(TakenForDead, WhatItKnowsLaterStillCounts) {
  ASSERT_TRUE(other_->committing(attempt_.id, {0, 1, 2}));
  EXPECT_EQ(outbox_->recover().value().size(), 1U);
  EXPECT_EQ(now(), "in-doubt in-doubt in-doubt");
  EXPECT_EQ(outbox_->settle(id_, State::in_doubt, State::queued).value(), 3);
  const Attempt again = claimed();
  ASSERT_TRUE(
      other_->finish(attempt_.id, ending({State::sent, State::failed, State::deferred}, 5)));
  EXPECT_EQ(now(), "sent sending sending");
  EXPECT_FALSE(outbox_->committing(again.id, {0})) << "sent a second time";
  ASSERT_TRUE(outbox_->finish(again.id, ending({State::failed, State::sent, State::sent})));
  EXPECT_EQ(now(), "sent sent sent");
}

// --- cancel ---

TEST_F(States, CancelBeforeAnAttempt) {
  EXPECT_TRUE(outbox_->cancel(id_).value());
  EXPECT_EQ(now(), "cancelled cancelled cancelled");
  EXPECT_GT(entry().resolved, 0);
  EXPECT_EQ(outbox_->claim(id_).value(), std::nullopt);
  EXPECT_EQ(outbox_->due(far_future).value(), std::nullopt);
}

TEST_F(States, CancelBeforeTheBarrierWins) {
  const Attempt attempt = claimed();
  EXPECT_TRUE(outbox_->cancel(id_).value());
  EXPECT_EQ(now(), "sending sending sending");
  EXPECT_EQ(outbox_->committing(attempt.id, {0, 1, 2}).error().cause, Cause::cancelled);
  ASSERT_TRUE(
      outbox_->finish(attempt.id, ending({State::deferred, State::failed, State::cancelled}, 5)));
  EXPECT_EQ(now(), "cancelled failed cancelled");
  EXPECT_EQ(outbox_->due(far_future).value(), std::nullopt);
}

TEST_F(States, CancelAfterTheBarrierSaysSo) {
  const Attempt attempt = claimed();
  ASSERT_TRUE(outbox_->committing(attempt.id, {0, 1}));
  EXPECT_FALSE(outbox_->cancel(id_).value());
  ASSERT_TRUE(
      outbox_->finish(attempt.id, ending({State::sent, State::deferred, State::deferred}, 5)));
  EXPECT_EQ(now(), "sent cancelled cancelled") << "4yz after the end of data, and a wish";
  EXPECT_FALSE(outbox_->cancel(id_).value());
  EXPECT_EQ(entry().state, State::cancelled) << "not all have it";
}

TEST_F(States, CancelBetweenTwoTransactionsOfAnAttempt) {
  const Attempt attempt = claimed();
  ASSERT_TRUE(outbox_->committing(attempt.id, {0}));
  EXPECT_FALSE(outbox_->cancel(id_).value());
  EXPECT_EQ(outbox_->committing(attempt.id, {1}).error().cause, Cause::cancelled);
  ASSERT_TRUE(
      outbox_->finish(attempt.id, ending({State::sent, State::deferred, State::deferred}, 5)));
  EXPECT_EQ(now(), "sent cancelled cancelled");
}

TEST_F(States, CancelledByAnotherEmacs) {
  const Attempt attempt = claimed();
  EXPECT_TRUE(opened(directory_.path())->cancel(id_).value());
  EXPECT_EQ(outbox_->committing(attempt.id, {0}).error().cause, Cause::cancelled);
}

TEST_F(States, CancelKeepsDoubtAndRefusalAsTheyAre) {
  ASSERT_TRUE(
      outbox_->finish(claimed().id, ending({State::in_doubt, State::failed, State::deferred}, 5)));
  EXPECT_FALSE(outbox_->cancel(id_).value());
  EXPECT_EQ(now(), "in-doubt failed cancelled");
}

TEST_F(States, CancelOfWhatEverybodyRefusedIsEntire) {
  ASSERT_TRUE(
      outbox_->finish(claimed().id, ending({State::failed, State::failed, State::deferred}, 5)));
  EXPECT_TRUE(outbox_->cancel(id_).value());
}

TEST_F(States, CancelOfNothingIsRefused) {
  EXPECT_EQ(outbox_->cancel(99).error().cause, Cause::bad_argument);
}

// --- settle ---

TEST_F(States, DoubtIsSettledEachWay) {
  ASSERT_TRUE(outbox_->finish(claimed().id, ending({State::in_doubt, State::sent, State::failed})));
  EXPECT_EQ(entry().resolved, 0);
  EXPECT_EQ(outbox_->settle(id_, State::in_doubt, State::sent).value(), 1);
  EXPECT_EQ(now(), "sent sent failed");
  EXPECT_GT(entry().resolved, 0);
  EXPECT_EQ(outbox_->settle(id_, State::in_doubt, State::queued).value(), 0);
  EXPECT_EQ(outbox_->settle(id_, State::failed, State::queued).value(), 1);
  EXPECT_EQ(now(), "sent sent queued");
  EXPECT_EQ(entry().resolved, 0);
  EXPECT_EQ(outbox_->due(wall_clock()).value(), id_);
  EXPECT_TRUE(outbox_->cancel(id_).has_value());
  EXPECT_EQ(outbox_->settle(id_, State::cancelled, State::queued).value(), 1);
  ASSERT_TRUE(outbox_->finish(claimed().id, ending({State::in_doubt})));
  EXPECT_EQ(outbox_->settle(id_, State::in_doubt, State::cancelled).value(), 1);
  EXPECT_EQ(now(), "sent sent cancelled");
}

TEST_F(States, NothingElseIsSettled) {
  using enum State;
  for (const State from : {queued, sending, sent, deferred}) {
    for (const State to : {queued, sending, sent, deferred, failed, in_doubt, cancelled}) {
      EXPECT_FALSE(outbox_->settle(id_, from, to)) << state_name(from) << " " << state_name(to);
    }
  }
  EXPECT_FALSE(outbox_->settle(id_, failed, sent));
  EXPECT_FALSE(outbox_->settle(id_, in_doubt, failed));
}

TEST_F(States, RevivedDuringAnAttemptIsTriedRightAfter) {
  ASSERT_TRUE(
      outbox_->finish(claimed().id, ending({State::failed, State::deferred, State::sent}, 5)));
  const Attempt attempt = claimed();
  EXPECT_EQ(outbox_->settle(id_, State::failed, State::queued).value(), 1);
  EXPECT_EQ(outbox_->due(far_future).value(), std::nullopt);
  ASSERT_TRUE(outbox_->finish(attempt.id, ending({State::deferred}, far_future)));
  EXPECT_EQ(now(), "queued deferred sent");
  EXPECT_EQ(outbox_->due(wall_clock()).value(), id_);
}

TEST_F(States, SentStaysEvenForSql) {
  ASSERT_TRUE(
      outbox_->finish(claimed().id, ending({State::sent, State::deferred, State::sent}, 5)));
  run_sql(directory_.file(), "UPDATE recipient SET state = 'queued'");
  EXPECT_EQ(now(), "sent queued sent");
}

TEST_F(States, TheMostUrgentSpeaks) {
  using enum State;
  const std::vector<State> order{in_doubt, failed, sending, queued, deferred, cancelled, sent};
  for (std::size_t i = 0; i < order.size(); ++i) {
    for (std::size_t j = 0; j < order.size(); ++j) {
      EXPECT_EQ(more_urgent(order[i], order[j]), i < j);
    }
    EXPECT_EQ(state_from_name(state_name(order[i])), order[i]);
  }
  EXPECT_EQ(state_name(in_doubt), "in-doubt");
  EXPECT_EQ(state_from_name("in_doubt"), std::nullopt);
}

}  // namespace
}  // namespace sendonce::outbox
