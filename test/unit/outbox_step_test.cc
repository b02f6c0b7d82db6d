// One durable change for what messages on one line ask of the journal: ends, barrier, claim.

#include "base/clock.hh"
#include "outbox_support.hh"

namespace sendonce::outbox {
namespace {

const std::vector<std::size_t> everybody = {0, 1, 2};

/// Three entries of one account: the first is past its barrier, the second claimed, the third due.
class Steps : public testing::Test {
 protected:
  EntryId queued(const std::string& draft, const std::string& account = "work",
                 const std::string& settings = submission().settings) {
    Submission made = submission(draft);
    made.account = account;
    made.settings = settings;
    return outbox_->enqueue(made, "message").value();
  }
  Attempt claimed(EntryId id) { return outbox_->claim(id).value().value(); }
  void SetUp() override { ASSERT_TRUE(outbox_->committing(first_.id, everybody)); }
  [[nodiscard]] std::string all() {
    return states(*outbox_, a_) + ", " + states(*outbox_, b_) + ", " + states(*outbox_, c_);
  }
  /// All that a line asks for at the second's barrier.
  [[nodiscard]] Step whole() const {
    return {{{first_.id, &sent_}}, Step::Commit{second_.id, everybody}, &second_.entry};
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Outbox> outbox_ = opened(directory_.path());
  EntryId a_ = queued("a");
  EntryId b_ = queued("b");
  EntryId c_ = queued("c");
  Attempt first_ = claimed(a_);
  Attempt second_ = claimed(b_);
  AttemptEnd sent_ = ending({State::sent, State::sent, State::sent});

  static constexpr const char* before =
      "sending sending sending, sending sending sending, queued queued queued";
};

TEST_F(Steps, EndBarrierAndClaimAreOne) {
  const auto stepped = outbox_->step(whole());
  ASSERT_TRUE(stepped);
  EXPECT_TRUE(stepped->commit);
  ASSERT_TRUE(stepped->claimed);
  EXPECT_EQ(stepped->claimed->entry.id, c_);
  EXPECT_EQ(stepped->claimed->recipients, everybody);
  EXPECT_EQ(all(), "sent sent sent, sending sending sending, sending sending sending");
  outbox_.reset();
  outbox_ = opened(directory_.path());
  EXPECT_EQ(all(), "sent sent sent, in-doubt in-doubt in-doubt, deferred deferred deferred");
}

TEST_F(Steps, WhatItClaimedIsAnAttemptLikeAnother) {
  const auto claimed = outbox_->step(whole())->claimed;
  ASSERT_TRUE(claimed);
  EXPECT_EQ(outbox_->claim(c_).value(), std::nullopt);
  EXPECT_TRUE(outbox_->recover().value().empty()) << "its owner lives";
  EXPECT_TRUE(outbox_->committing(claimed->id, {0}));
  EXPECT_TRUE(outbox_->finish(second_.id, sent_));
  EXPECT_TRUE(outbox_->finish(claimed->id, ending({State::in_doubt, State::failed, State::sent})));
  EXPECT_EQ(all(), "sent sent sent, sent sent sent, in-doubt failed sent");
}

TEST_F(Steps, SeveralEndsAtOnce) {
  const AttemptEnd later = ending({State::failed, State::deferred, State::sent}, far_future);
  ASSERT_TRUE(outbox_->step({{{first_.id, &sent_}, {second_.id, &later}}, {}, nullptr}));
  EXPECT_EQ(all(), "sent sent sent, failed deferred sent, queued queued queued");
  EXPECT_TRUE(outbox_->finish(first_.id, sent_)) << "one call too many changes nothing";
  EXPECT_EQ(entry_of(*outbox_, b_).next_try, far_future);
}

TEST_F(Steps, NothingIsAsked) {
  const auto stepped = outbox_->step({});
  ASSERT_TRUE(stepped);
  EXPECT_TRUE(stepped->commit);
  EXPECT_FALSE(stepped->claimed);
  EXPECT_EQ(all(), before);
}

// --- an error of the barrier alone

TEST_F(Steps, AWishToCancelLeavesTheEndsDone) {
  EXPECT_TRUE(outbox_->cancel(b_).value());
  const auto stepped = outbox_->step(whole());
  ASSERT_TRUE(stepped);
  ASSERT_FALSE(stepped->commit);
  EXPECT_EQ(stepped->commit.error().cause, Cause::cancelled);
  EXPECT_FALSE(stepped->claimed) << "the line is of no more use";
  EXPECT_EQ(all(), "sent sent sent, sending sending sending, queued queued queued");
  ASSERT_TRUE(
      outbox_->finish(second_.id, ending({State::deferred, State::deferred, State::failed}, 5)));
  EXPECT_EQ(states(*outbox_, b_), "cancelled cancelled failed");
}

TEST_F(Steps, TakenForDeadLeavesTheEndsDone) {
  take_owners_away(directory_);
  const auto other = opened(directory_.path());
  EXPECT_EQ(all(), "in-doubt in-doubt in-doubt, deferred deferred deferred, queued queued queued");
  const auto stepped = outbox_->step(whole());
  ASSERT_TRUE(stepped);
  ASSERT_FALSE(stepped->commit);
  EXPECT_EQ(stepped->commit.error().cause, Cause::storage);
  EXPECT_FALSE(stepped->claimed);
  EXPECT_EQ(all(), "sent sent sent, deferred deferred deferred, queued queued queued")
      << "what is known to be sent counts, however late";
}

TEST_F(Steps, AStrangersRecipientUndoesAll) {
  run_sql(directory_.file(),
          "UPDATE recipient SET attempt = NULL WHERE place = 1 AND entry = " + std::to_string(b_));
  const auto stepped = outbox_->step(whole());
  ASSERT_FALSE(stepped);
  EXPECT_EQ(stepped.error().cause, Cause::internal);
  EXPECT_EQ(all(), before);
  EXPECT_TRUE(outbox_->finish(first_.id, sent_)) << "and it may be ended again";
}

// --- wrong calls

TEST_F(Steps, AnUnknownAttemptUndoesAll) {
  Step strange_end = whole();
  strange_end.ends.push_back({99, &sent_});
  Step strange_commit = whole();
  strange_commit.commit->attempt = 99;
  Step strange_recipient = whole();
  strange_recipient.commit->recipients = {0, 3};
  Step nobody = whole();
  nobody.commit->recipients.clear();
  const AttemptEnd short_end = ending({State::sent});
  const AttemptEnd open_end = ending({State::sent, State::sent, State::sending});
  Step too_few = whole();
  too_few.ends.front().end = &short_end;
  Step not_over = whole();
  not_over.ends.front().end = &open_end;
  for (const Step& step :
       {strange_end, strange_commit, strange_recipient, nobody, too_few, not_over}) {
    const auto stepped = outbox_->step(step);
    ASSERT_FALSE(stepped);
    EXPECT_EQ(stepped.error().cause, Cause::bad_argument);
    EXPECT_EQ(all(), before);
  }
  EXPECT_TRUE(outbox_->step(whole())) << "they can still be done";
}

TEST_F(Steps, AnEndIsNotDoneTwice) {
  ASSERT_TRUE(outbox_->finish(first_.id, sent_));
  EXPECT_FALSE(outbox_->step(whole())) << "of an attempt that is over";
  EXPECT_EQ(all(), "sent sent sent, sending sending sending, queued queued queued");
}

// --- the claim

TEST_F(Steps, ClaimsWhatIsDueLongest) {
  ASSERT_TRUE(outbox_->set_next_try(c_, 100));
  const EntryId d = queued("d");
  const EntryId e = queued("e");
  ASSERT_TRUE(outbox_->set_next_try(d, 50));
  ASSERT_TRUE(outbox_->set_next_try(e, 50));
  for (const EntryId next : {d, e, c_}) {
    const auto stepped = outbox_->step({{}, {}, &second_.entry});
    ASSERT_TRUE(stepped && stepped->claimed);
    EXPECT_EQ(stepped->claimed->entry.id, next);
  }
  EXPECT_FALSE(outbox_->step({{}, {}, &second_.entry})->claimed);
}

TEST_F(Steps, ClaimsOfTheSameAccountAndSettingsOnly) {
  ASSERT_TRUE(outbox_->set_next_try(queued("d", "home"), 1));
  ASSERT_TRUE(outbox_->set_next_try(queued("e", "work", "host=mail.example\nport=587\n"), 1));
  const auto stepped = outbox_->step({{}, {}, &second_.entry});
  ASSERT_TRUE(stepped && stepped->claimed);
  EXPECT_EQ(stepped->claimed->entry.id, c_);
  EXPECT_FALSE(outbox_->step({{}, {}, &second_.entry})->claimed);
}

TEST_F(Steps, ClaimsNothingThatIsNotDue) {
  ASSERT_TRUE(outbox_->set_next_try(c_, far_future));
  EXPECT_FALSE(outbox_->step({{}, {}, &second_.entry})->claimed);
  ASSERT_TRUE(outbox_->set_next_try(c_, 1));
  EXPECT_TRUE(outbox_->cancel(c_).value());
  EXPECT_FALSE(outbox_->step({{}, {}, &second_.entry})->claimed);
}

/// What an end frees is due again by its own plan, in the same change.
TEST_F(Steps, MayClaimWhatItEnds) {
  const AttemptEnd now = ending({State::deferred, State::sent, State::failed}, 1);
  const auto stepped = outbox_->step({{{first_.id, &now}}, {}, &second_.entry});
  ASSERT_TRUE(stepped && stepped->claimed);
  EXPECT_EQ(stepped->claimed->entry.id, a_);
  EXPECT_EQ(stepped->claimed->recipients, (std::vector<std::size_t>{0}));
  EXPECT_EQ(states(*outbox_, a_), "sending sent failed");
}

TEST_F(Steps, ClaimsNothingThatAnotherHas) {
  const auto other = opened(directory_.path());
  ASSERT_TRUE(other->claim(c_).value());
  const auto stepped = outbox_->step(whole());
  ASSERT_TRUE(stepped && stepped->commit);
  EXPECT_FALSE(stepped->claimed);
}

// --- the scheduler's view

TEST_F(Steps, GroupsAreByAccountAndSettings) {
  const EntryId d = queued("d");
  const EntryId e = queued("e", "home");
  const EntryId f = queued("f", "work", "host=mail.example\nport=587\n");
  ASSERT_TRUE(outbox_->set_next_try(c_, 20));
  ASSERT_TRUE(outbox_->set_next_try(d, 30));
  ASSERT_TRUE(outbox_->set_next_try(e, 10));
  ASSERT_TRUE(outbox_->set_next_try(f, far_future));
  const auto groups = outbox_->due_groups(wall_clock()).value();
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].first, e);
  EXPECT_EQ(groups[0].count, 1);
  EXPECT_EQ(groups[1].first, c_);
  EXPECT_EQ(groups[1].newest, d);
  EXPECT_EQ(groups[1].count, 2);
  EXPECT_EQ(groups[1].settings, submission().settings);
}

}  // namespace
}  // namespace sendonce::outbox
