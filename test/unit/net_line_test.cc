// A line in the clear: deadlines, wake, early return, exact counts.

#include <gtest/gtest.h>

#include <array>

#include "net/line.hh"
#include "net/socket.hh"
#include "net_support.hh"

namespace sendonce::net::test {
namespace {

struct ClearPair {
  explicit ClearPair(Pair pair)
      : peer(std::move(pair.theirs)), wake(make_wake()), line(std::move(pair.ours), wake) {}
  Descriptor peer;
  std::shared_ptr<const Wake> wake;
  Line line;
};

std::string read_text(Line& line, Deadline deadline = soon()) {
  std::array<char, 4096> bytes{};
  const auto got = line.read(bytes, deadline);
  return got ? std::string(bytes.data(), got->count) : std::string(cause_name(got.error().cause));
}

TEST(NetLine, RequestAndResponseWithoutWouldBlock) {
  ClearPair pair(tcp_pair());
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(pair.line.write("NOOP\r\n", soon(), false).value_or(0), 6U);
    send_all(pair.peer, "250 ok\r\n");
    ASSERT_EQ(read_text(pair.line), "250 ok\r\n");
  }
  const LineCounters& counters = pair.line.counters();
  EXPECT_EQ(counters.would_block, 0U);
  EXPECT_EQ(counters.reads, 20U);
  EXPECT_EQ(counters.writes, 20U);
  EXPECT_EQ(counters.payload_out, 120U);
  EXPECT_EQ(counters.bytes_in, 160U);
}

TEST(NetLine, ReadsOnlyWhatIsAskedFor) {
  ClearPair pair(socket_pair());
  send_all(pair.peer, "ab");
  std::array<char, 1> byte{};
  ASSERT_TRUE(pair.line.read(byte, soon()));
  EXPECT_TRUE(gets_input(pair.line));
  EXPECT_EQ(read_text(pair.line), "b");
  EXPECT_FALSE(pair.line.has_input());
}

TEST(NetLine, EndIsZeroAndInput) {
  ClearPair pair(socket_pair());
  EXPECT_FALSE(pair.line.has_input());
  pair.peer.close();
  EXPECT_TRUE(gets_input(pair.line));
  std::array<char, 8> bytes{};
  const auto got = pair.line.read(bytes, soon());
  ASSERT_TRUE(got);
  EXPECT_EQ(got->count, 0U);
  EXPECT_FALSE(got->truncated);
}

TEST(NetLine, ReadTimesOut) {
  ClearPair pair(socket_pair());
  EXPECT_EQ(read_text(pair.line, Deadline::after(Milliseconds(20))), "timed-out");
}

TEST(NetLine, WhatIsThereIsReadOnceAfterTheDeadline) {
  ClearPair pair(socket_pair());
  const Deadline passed = at_once();
  send_all(pair.peer, "250 ok\r\n");
  EXPECT_EQ(read_text(pair.line, passed), "250 ok\r\n");
  send_all(pair.peer, "drip");
  EXPECT_EQ(read_text(pair.line, passed), "timed-out");
  EXPECT_EQ(read_text(pair.line), "drip");
}

TEST(NetLine, WakeEndsReadAndWrite) {
  ClearPair pair(socket_pair());
  {
    const Running canceller([&] { pair.wake->wake(); });
    EXPECT_EQ(read_text(pair.line, Deadline::never()), "cancelled");
  }
  const auto written = pair.line.write("x", soon(), false);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().cause, Cause::cancelled);
}

TEST(NetLine, ResetIsConnectionLost) {
  if (!can_reset()) GTEST_SKIP() << "no line can be reset here";
  ClearPair pair(tcp_pair());
  reset(std::move(pair.peer));
  EXPECT_EQ(read_text(pair.line), "connection-lost");
  const auto written = pair.line.write("x", soon(), false);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().cause, Cause::connection_lost);
}

TEST(NetLine, WriteStopsForInputWithAnExactCount) {
  ClearPair pair(socket_pair());
  const std::string message = sample(8'000'000);
  std::string received(1, '\0');
  std::size_t written = 0;
  {
    const Running server([&] {
      received = std::string(1, '\0');
      std::array<char, 1> first{};
      (void)receive_some(pair.peer.get(), first);
      received[0] = first[0];
      send_all(pair.peer, "421 enough\r\n");
    });
    written = pair.line.write(message, soon(), true).value_or(0);
  }
  EXPECT_GT(written, 0U);
  EXPECT_LT(written, message.size());
  EXPECT_EQ(pair.line.counters().payload_out, written);
  EXPECT_EQ(read_text(pair.line), "421 enough\r\n");
  pair.line.close();
  received += receive_until_end(pair.peer);
  EXPECT_TRUE(received == message.substr(0, written));
}

TEST(NetLine, WriteTimesOutWithAnExactCounter) {
  ClearPair pair(socket_pair());
  const auto written = pair.line.write(sample(8'000'000), Deadline::after(Milliseconds(30)), false);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().cause, Cause::timed_out);
  EXPECT_EQ(pair.line.counters().would_block, 0U);
  pair.line.close();
  EXPECT_EQ(receive_until_end(pair.peer).size(), pair.line.counters().payload_out);
}

TEST(NetLine, ClosedLineSaysSo) {
  ClearPair pair(socket_pair());
  pair.line.close();
  EXPECT_EQ(read_text(pair.line), "connection-lost");
  EXPECT_FALSE(pair.line.write("x", soon(), false));
  EXPECT_FALSE(pair.line.has_input());
}

TEST(NetLine, MovesAndKnowsItsPeer) {
  ClearPair pair(tcp_pair());
  const std::string peer = pair.line.peer();
  EXPECT_TRUE(peer.starts_with("127.0.0.1:")) << peer;
  Line moved = std::move(pair.line);
  send_all(pair.peer, "x");
  EXPECT_EQ(read_text(moved), "x");
  EXPECT_EQ(moved.peer(), peer);
  EXPECT_EQ(moved.tls_info(), nullptr);
}

}  // namespace
}  // namespace sendonce::net::test
