// What speaks at a port, asked of servers that say literal bytes.

#include <gtest/gtest.h>

#include <functional>

#include "net/ask_port.hh"
#include "net_support.hh"

namespace sendonce::net::test {
namespace {

using Server = std::function<void(const Descriptor&)>;
using Ask = Result<Speaks> (*)(const std::string&, std::uint16_t, Deadline, const Wake&);

Result<Speaks> ask(Ask how, const Server& server, Deadline deadline = soon()) {
  const Listener listener;
  const Running running([&] { server(listener.accept()); });
  return how("127.0.0.1", listener.port(), deadline, *make_wake());
}

Server says(const std::string& bytes) {
  return [bytes](const Descriptor& socket) {
    send_all(socket, bytes);
    (void)receive_until_end(socket);
  };
}

TEST(NetAsk, TlsServer) {
  const auto answer = ask(ask_for_tls, [](const Descriptor& socket) {
    TlsPeer peer(socket, server_identity());
    (void)peer.handshake();
  });
  EXPECT_EQ(answer.value_or(Speaks::silence), Speaks::tls);
}

TEST(NetAsk, AlertIsTls) {
  const auto answer = ask(ask_for_tls, says(std::string("\x15\x03\x01\x00\x02\x02\x28", 7)));
  EXPECT_EQ(answer.value_or(Speaks::silence), Speaks::tls);
}

TEST(NetAsk, TextIsClear) {
  EXPECT_EQ(ask(ask_for_tls, says("220 hello\r\n")).value_or(Speaks::silence), Speaks::clear);
  EXPECT_EQ(ask(listen_at, says("220 hello\r\n")).value_or(Speaks::silence), Speaks::clear);
}

TEST(NetAsk, SilenceUntilTheDeadline) {
  for (const Ask how : {ask_for_tls, listen_at}) {
    const auto answer = ask(how, says(""), Deadline::after(Milliseconds(50)));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(*answer, Speaks::silence);
  }
}

TEST(NetAsk, ClosedWithoutAWordIsSilence) {
  for (const Ask how : {ask_for_tls, listen_at}) {
    const auto answer = ask(how, [](const Descriptor&) {});
    EXPECT_EQ(answer.value_or(Speaks::clear), Speaks::silence);
  }
}

TEST(NetAsk, GarbageIsNothingKnown) {
  EXPECT_EQ(ask(ask_for_tls, says(std::string("\0\1\2", 3))).value_or(Speaks::clear),
            Speaks::silence);
}

TEST(NetAsk, ListeningSaysNothing) {
  std::string heard;
  const auto answer = ask(listen_at, [&heard](const Descriptor& socket) {
    send_all(socket, "220 hello\r\n");
    heard = receive_until_end(socket);
  });
  EXPECT_TRUE(answer);
  EXPECT_EQ(heard, "");
}

TEST(NetAsk, OneClientHelloAndNoMore) {
  std::string heard;
  const auto answer = ask(ask_for_tls, [&heard](const Descriptor& socket) {
    send_all(socket, "220 hello\r\n");
    heard = receive_until_end(socket);
  });
  EXPECT_TRUE(answer);
  ASSERT_GE(heard.size(), 6U);
  EXPECT_EQ(heard.substr(0, 2), "\x16\x03");
  const auto length =
      static_cast<unsigned char>(heard[3]) * 256U + static_cast<unsigned char>(heard[4]);
  EXPECT_EQ(heard.size(), 5U + length);
}

TEST(NetAsk, Errors) {
  const std::string host = "127.0.0.1";
  const std::uint16_t refusing = Listener().port();
  for (const Ask how : {ask_for_tls, listen_at}) {
    const auto answer = how(host, refusing, soon(), *make_wake());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().cause, Cause::connection_refused);
  }
}

TEST(NetAsk, CanBeCancelled) {
  const auto wake = make_wake();
  wake->wake();
  const Listener listener;
  for (const Ask how : {ask_for_tls, listen_at}) {
    const auto answer = how("127.0.0.1", listener.port(), Deadline::never(), *wake);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().cause, Cause::cancelled);
  }
}

}  // namespace
}  // namespace sendonce::net::test
