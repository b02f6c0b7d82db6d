// Wake and poll: what is woken is remembered, and ends a poll.

#include <gtest/gtest.h>

#include "net/poll.hh"
#include "net_support.hh"

namespace sendonce::net::test {
namespace {

TEST(NetWake, IsRememberedUntilCleared) {
  const auto wake = make_wake();
  EXPECT_EQ(poll_for({}, at_once(), wake.get()), Poll::timed_out);
  wake->wake();
  wake->wake();
  EXPECT_EQ(poll_for({}, soon(), wake.get()), Poll::woken);
  EXPECT_EQ(poll_for({}, soon(), wake.get()), Poll::woken);
  wake->clear();
  EXPECT_EQ(poll_for({}, at_once(), wake.get()), Poll::timed_out);
}

TEST(NetWake, NeverBlocksWhenFull) {
  const auto wake = make_wake();
  for (int i = 0; i < 100'000; ++i) wake->wake();
  EXPECT_EQ(poll_for({}, soon(), wake.get()), Poll::woken);
  wake->clear();
  EXPECT_EQ(poll_for({}, at_once(), wake.get()), Poll::timed_out);
}

TEST(NetWake, EndsAnotherThreadsPoll) {
  const auto wake = make_wake();
  Poll end = Poll::failed;
  {
    const Running poller([&] { end = poll_for({}, Deadline::never(), wake.get()); });
    wake->wake();
  }
  EXPECT_EQ(end, Poll::woken);
}

TEST(NetPoll, TellsReadableFromWritable) {
  const Pair pair = socket_pair();
  Interest interest{pair.ours.get(), true, true};
  EXPECT_EQ(poll_for({&interest, 1}, soon(), nullptr), Poll::ready);
  EXPECT_FALSE(interest.readable);
  EXPECT_TRUE(interest.writable);
  send_all(pair.theirs, "x");
  EXPECT_EQ(poll_for({&interest, 1}, soon(), nullptr), Poll::ready);
  EXPECT_TRUE(interest.readable);
}

TEST(NetPoll, WaitsUntilTheDeadline) {
  const Pair pair = socket_pair();
  Interest interest{pair.ours.get(), true};
  const Deadline deadline = Deadline::after(Milliseconds(30));
  EXPECT_EQ(poll_for({&interest, 1}, deadline, nullptr), Poll::timed_out);
  EXPECT_TRUE(deadline.passed());
}

}  // namespace
}  // namespace sendonce::net::test
