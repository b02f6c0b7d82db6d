// Senders on one outbox, one after the other, each killed at a random instant of its start, its
// recovery of what the last left, or its sending: SIGKILL, or TerminateProcess on Windows.

#include <chrono>
#include <cstdio>
#include <random>
#include <thread>

#include "outbox_child.hh"
#include "outbox_diary.hh"
#include "outbox_support.hh"

namespace sendonce::outbox {
namespace {

constexpr int kills = 200;
constexpr int longest_life_us = 60'000;

class Killed : public testing::Test {
 protected:
  void kill_one(std::mt19937& dice) {
    Child child(directory_.path(), sends_on);
    child.wait_ready();
    std::uniform_int_distribution<int> life(0, longest_life_us);
    std::this_thread::sleep_for(std::chrono::microseconds(life(dice)));
    child.kill();
  }

  /// As the next sender would, who is not killed.
  void send_what_is_left() {
    Diary diary(directory_.path());
    auto outbox = opened(directory_.path());
    EXPECT_EQ(outbox->notice(), "");
    EXPECT_EQ(outbox->integrity().value(), "");
    in_doubt_after_kill_ = outbox->tally(0).value().in_doubt;
    send_all_due(*outbox, diary);
  }

  void judge(const Entry& entry, Noted& noted) {
    const std::string id = std::to_string(entry.id);
    const int accepted = noted["accepted"][id];
    const bool in_doubt = entry.state == State::in_doubt;
    EXPECT_TRUE(entry.state == State::sent || in_doubt) << id << ": " << states(entry);
    EXPECT_TRUE(noted["told"][id] == 0 || entry.state == State::sent) << id << " was told as sent";
    noted["enqueued"].erase(id);
    noted["accepted"].erase(id);
    twice_ += accepted > 1 ? 1 : 0;
    lost_ += accepted == 0 && !in_doubt ? 1 : 0;
    sent_ += in_doubt ? 0 : 1;
    in_doubt_ += in_doubt ? 1 : 0;
  }

  void judge_all() {
    Noted noted = read_diary(directory_.path());
    for (const auto& [what, times] : noted["trouble"]) ADD_FAILURE() << what;
    const auto entries = opened(directory_.path())->entries().value();
    for (const Entry& entry : entries) judge(entry, noted);
    // What is left is of no entry.
    lost_ += static_cast<int>(noted["enqueued"].size());
    EXPECT_TRUE(noted["accepted"].empty()) << "the server has what the outbox does not know";
  }

  TemporaryDirectory directory_;
  std::int64_t in_doubt_after_kill_ = 0;
  int sent_ = 0, in_doubt_ = 0, twice_ = 0, lost_ = 0;
};

TEST_F(Killed, AtRandomInstantsNothingIsLostNorSentTwice) {
  const unsigned seed = std::random_device()();
  std::mt19937 dice(seed);
  for (int n = 0; n < kills; ++n) kill_one(dice);
  send_what_is_left();
  judge_all();
  std::printf("%d kills (seed %u): of %d messages %d sent, %d in doubt, %d twice, %d lost\n", kills,
              seed, sent_ + in_doubt_, sent_, in_doubt_, twice_, lost_);
  EXPECT_EQ(twice_, 0);
  EXPECT_EQ(lost_, 0);
  // Else the kills met nothing.
  EXPECT_GT(sent_, kills / 10);
  EXPECT_GT(in_doubt_, 0);
  EXPECT_EQ(in_doubt_, in_doubt_after_kill_);
}

}  // namespace
}  // namespace sendonce::outbox
