// Connecting: the race of RFC 8305, and failures in words.

#include <gtest/gtest.h>

#include "net/connect.hh"
#include "net/poll.hh"
#include "net/socket.hh"
#include "net/sockets.hh"
#include "net_support.hh"

namespace sendonce::net::test {
namespace {

Endpoint of_family(int family, unsigned char mark) { return {{mark}, family}; }

Milliseconds since(SteadyClock::time_point start) {
  return std::chrono::duration_cast<Milliseconds>(SteadyClock::now() - start);
}

/// A listener that does not answer: its queue is full, so the kernel drops what comes.
class BlackHole {
 public:
  BlackHole() {
    for (;;) {
      Connecting filler = start_connect(listener_.endpoint());
      Interest interest{filler.socket.get(), false, true};
      const Poll end = poll_for({&interest, 1}, Deadline::after(Milliseconds(50)), nullptr);
      fillers_.push_back(std::move(filler.socket));
      if (end == Poll::timed_out) return;
    }
  }
  [[nodiscard]] Endpoint endpoint() const { return listener_.endpoint(); }

 private:
  Listener listener_{0};
  std::vector<Descriptor> fillers_;
};

TEST(NetInterleave, FamiliesAlternate) {
  const auto mixed =
      interleave({of_family(10, 1), of_family(10, 2), of_family(10, 3), of_family(2, 4)});
  std::string order;
  for (const Endpoint& endpoint : mixed) order += std::to_string(endpoint.bytes[0]);
  EXPECT_EQ(order, "1423");
  EXPECT_TRUE(interleave({}).empty());
}

TEST(NetConnect, SocketIsNonBlockingAndUndelayed) {
  const Listener listener;
  const auto socket = connect_any({listener.endpoint()}, soon(), *make_wake());
  ASSERT_TRUE(socket);
  int delayed = 0;
  socklen_t size = sizeof delayed;
  ASSERT_EQ(::getsockopt(to_socket(socket->get()), IPPROTO_TCP, TCP_NODELAY,
                         reinterpret_cast<char*>(&delayed), &size),
            0);
  EXPECT_NE(delayed, 0);
  char byte = 0;
  EXPECT_TRUE(receive_some(socket->get(), {&byte, 1}).would_block);
  EXPECT_EQ(peer_of(socket->get()).text(), listener.endpoint().text());
}

TEST(NetConnect, RefusedNamesEachAddressAndDoesNotWait) {
  const Endpoint first = refusing_endpoint();
  const Endpoint second = refusing_endpoint();
  const auto start = SteadyClock::now();
  const auto socket = connect_any({first, second}, soon(), *make_wake());
  ASSERT_FALSE(socket);
  EXPECT_LT(since(start), Milliseconds(200));
  EXPECT_EQ(socket.error().cause, Cause::connection_refused);
  EXPECT_EQ(socket.error().phase, Phase::connect);
  EXPECT_EQ(socket.error().message,
            first.text() + " refused the connection; " + second.text() + " refused the connection");
}

TEST(NetConnect, GoesOnAtOnceAfterAFailure) {
  const Listener listener;
  const auto start = SteadyClock::now();
  EXPECT_TRUE(connect_any({refusing_endpoint(), listener.endpoint()}, soon(), *make_wake()));
  EXPECT_LT(since(start), Milliseconds(200));
}

TEST(NetConnect, Unreachable) {
  const auto socket = connect_any({ipv4_endpoint(INADDR_BROADCAST, 25)}, soon(), *make_wake());
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().cause, Cause::unreachable);
  EXPECT_NE(socket.error().message.find("255.255.255.255:25"), std::string::npos);
}

TEST(NetConnect, NoAddressAtAll) {
  const auto socket = connect_any({}, soon(), *make_wake());
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().cause, Cause::unreachable);
}

TEST(NetConnect, SecondAddressWinsOverABlackHole) {
  const BlackHole hole;
  const Listener listener;
  const auto start = SteadyClock::now();
  const auto socket = connect_any({hole.endpoint(), listener.endpoint()}, soon(), *make_wake());
  ASSERT_TRUE(socket);
  EXPECT_EQ(peer_of(socket->get()).text(), listener.endpoint().text());
  EXPECT_GE(since(start), Milliseconds(240));
  EXPECT_LT(since(start), Milliseconds(900));
}

TEST(NetConnect, BlackHoleTimesOut) {
  const BlackHole hole;
  const auto socket =
      connect_any({hole.endpoint()}, Deadline::after(Milliseconds(50)), *make_wake());
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().cause, Cause::timed_out);
  EXPECT_EQ(socket.error().message, hole.endpoint().text() + " did not answer");
}

TEST(NetConnect, CanBeCancelled) {
  const BlackHole hole;
  const auto wake = make_wake();
  const Running canceller([&] { wake->wake(); });
  const auto socket = connect_any({hole.endpoint()}, Deadline::never(), *wake);
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().cause, Cause::cancelled);
}

}  // namespace
}  // namespace sendonce::net::test
