// Several processes and threads on one outbox: who lives, who is dead, who gets what.

#include <array>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "base/clock.hh"
#include "outbox/owners.hh"
#include "outbox_child.hh"
#include "outbox_support.hh"

namespace sendonce::outbox {
namespace {

class Processes : public testing::Test {
 protected:
  TemporaryDirectory directory_;
};

TEST_F(Processes, KilledAtEachStage) {
  const std::array<const char*, 4> expected{"queued queued queued", "deferred deferred deferred",
                                            "in-doubt in-doubt deferred", "sent failed deferred"};
  auto living = opened(directory_.path());
  for (int stage = 0; stage < 4; ++stage) {
    const EntryId id = stage + 1;
    Child child(directory_.path(), stage);
    child.wait_ready();
    if (stage == 1 || stage == 2) {
      EXPECT_EQ(states(*living, id), "sending sending sending");
      EXPECT_EQ(living->claim(id).value(), std::nullopt);
    }
    EXPECT_TRUE(living->recover().value().empty()) << "the child lives";
    child.kill();
    const bool dead_attempt = stage == 1 || stage == 2;
    EXPECT_EQ(living->recover().value().size(), dead_attempt ? 1U : 0U);
    EXPECT_EQ(states(*living, id), expected.at(static_cast<std::size_t>(stage)));
  }
  EXPECT_EQ(living->integrity().value(), "");
}

TEST_F(Processes, KilledAtEachStageAndFoundByTheNext) {
  for (int stage = 0; stage < 4; ++stage) {
    Child child(directory_.path(), stage);
    child.wait_ready();
    child.kill();
    auto outbox = opened(directory_.path());
    EXPECT_EQ(entry_of(*outbox, stage + 1).attempts, stage == 0 ? 0 : 1);
    EXPECT_EQ(states(*outbox, stage + 1).find("sending"), std::string::npos);
  }
  auto last = opened(directory_.path());
  const auto owners = std::filesystem::directory_iterator(directory_.path() + "/owners");
  EXPECT_EQ(std::distance(begin(owners), end(owners)), 1) << "files of the dead are left";
}

TEST_F(Processes, StrangeNamesAreNobody) {
  auto owners = Owners::enter(directory_.path()).value();
  EXPECT_TRUE(owners.alive(owners.self()));
  EXPECT_FALSE(owners.alive(""));
  EXPECT_FALSE(owners.alive("../outbox.lock"));
  EXPECT_FALSE(owners.alive(std::string(32, '0')));
  EXPECT_TRUE(owners.alone());
  const auto second = Owners::enter(directory_.path()).value();
  EXPECT_TRUE(owners.alive(second.self()));
  EXPECT_FALSE(owners.alone());
}

// --- many at once ---

constexpr int threads_at_once = 4;
constexpr int messages_each = 50;

/// Who got what, as a server would see it.
class Ledger {
 public:
  void note(EntryId id) {
    const std::lock_guard lock(mutex_);
    ++count_[id];
  }
  std::map<EntryId, int> count() { return count_; }

 private:
  std::mutex mutex_;
  std::map<EntryId, int> count_;
};

void enqueue_all(Outbox& outbox, int who) {
  for (int i = 0; i < messages_each; ++i) {
    const std::string draft = std::to_string(who) + "-" + std::to_string(i);
    EXPECT_TRUE(outbox.enqueue(submission(draft), draft));
  }
}

void send_one(Outbox& outbox, EntryId id, Ledger& ledger) {
  auto attempt = outbox.claim(id);
  ASSERT_TRUE(attempt) << attempt.error().message;
  if (!*attempt) return;
  EXPECT_EQ((*attempt)->entry.attempts, 1);
  ASSERT_TRUE(outbox.committing((*attempt)->id, {0, 1, 2}));
  EXPECT_EQ(outbox.read_message(id, 0, 100).value(), (*attempt)->entry.draft);
  ledger.note(id);
  ASSERT_TRUE(outbox.finish((*attempt)->id, ending({State::sent, State::sent, State::sent})));
}

void send_all(Outbox& outbox, Ledger& ledger) {
  for (;;) {
    const auto id = outbox.due(far_future);
    ASSERT_TRUE(id) << id.error().message;
    if (!*id) return;
    send_one(outbox, **id, ledger);
  }
}

void check_all(Outbox& outbox, Ledger& ledger) {
  const auto entries = outbox.entries().value();
  EXPECT_EQ(entries.size(), static_cast<std::size_t>(threads_at_once * messages_each));
  for (const Entry& entry : entries) {
    EXPECT_EQ(entry.state, State::sent);
    EXPECT_EQ(ledger.count()[entry.id], 1) << entry.id;
  }
  EXPECT_EQ(outbox.integrity().value(), "");
}

void in_threads(const std::function<void(int)>& work) {
  std::vector<std::thread> threads;
  threads.reserve(threads_at_once);
  for (int who = 0; who < threads_at_once; ++who) threads.emplace_back(work, who);
  for (std::thread& thread : threads) thread.join();
}

TEST_F(Processes, FourOwnersSendEachMessageOnce) {
  Ledger ledger;
  in_threads([&](int who) {
    auto outbox = opened(directory_.path());
    enqueue_all(*outbox, who);
    send_all(*outbox, ledger);
  });
  check_all(*opened(directory_.path()), ledger);
}

TEST_F(Processes, FourThreadsOfOneOwnerSendEachMessageOnce) {
  Ledger ledger;
  auto outbox = opened(directory_.path());
  in_threads([&](int who) {
    enqueue_all(*outbox, who);
    send_all(*outbox, ledger);
  });
  check_all(*outbox, ledger);
}

TEST_F(Processes, OneOfManyGetsTheEntry) {
  auto first = opened(directory_.path());
  const EntryId id = first->enqueue(submission(), "x").value();
  std::atomic<int> claims = 0;
  in_threads([&](int) {
    auto outbox = opened(directory_.path());
    auto attempt = outbox->claim(id).value();
    if (!attempt) return;
    ++claims;
    EXPECT_TRUE(outbox->finish(attempt->id, ending({State::sent, State::sent, State::sent})));
  });
  EXPECT_EQ(claims, 1);
}

/// A wish and the barrier at the same time: one of them wins, and both know which.
TEST_F(Processes, CancelAgainstTheBarrier) {
  auto one = opened(directory_.path());
  auto other = opened(directory_.path());
  for (int round = 0; round < 50; ++round) {
    const EntryId id = one->enqueue(submission(), "x").value();
    const Attempt attempt = one->claim(id).value().value();
    bool withdrawn = false;
    std::thread canceller([&] { withdrawn = other->cancel(id).value(); });
    const Status committed = one->committing(attempt.id, {0, 1, 2});
    canceller.join();
    EXPECT_NE(withdrawn, committed.has_value());
    const State outcome = committed ? State::sent : State::deferred;
    ASSERT_TRUE(one->finish(attempt.id, ending({outcome, outcome, outcome}, 5)));
    EXPECT_EQ(entry_of(*one, id).state, withdrawn ? State::cancelled : State::sent);
  }
}

}  // namespace
}  // namespace sendonce::outbox
