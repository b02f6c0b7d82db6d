// Servers that mean ill: floods, lines and replies without end, odd codes, questions for ever.
//
// What must hold: the session ends, or asks for no more than its share; it keeps no more than a
// reply's worth of what was said; and nothing that was said is believed that was not asked for.

#include <gtest/gtest.h>

#include <string>

#include "smtp_driver.hh"

namespace sendonce::smtp {
namespace {

constexpr std::size_t one_read = 16384;

/// Says TEXT again and again, as a socket brings it, until the session ends; how many octets that
/// took, at most MOST.
std::size_t endless(Driver& driver, std::string_view text, std::size_t most) {
  std::string read;
  while (read.size() + text.size() <= one_read) read += text;
  std::size_t said = 0;
  while (said < most && driver.session.state() != State::ended) {
    driver.session.receive(read);
    said += read.size();
  }
  return said;
}

/// What a session may take in before it gives up: a reply, and what came in the same read.
constexpr std::size_t bound = ReplyParser::max_reply + one_read;

void expect_protocol_error(Driver& driver) {
  (void)driver.advance();
  ASSERT_TRUE(driver.ended && driver.ended->error);
  EXPECT_EQ(driver.ended->error->cause, Cause::protocol);
  EXPECT_LT(driver.ended->error->reply.size(), 1000U) << "the error quotes, and does not repeat";
}

TEST(Endless, ALineOfAGreeting) {
  Driver driver(plain_options());
  (void)driver.advance();
  EXPECT_LE(endless(driver, "220 and so on ", 1U << 30U), ReplyParser::max_line + one_read);
  expect_protocol_error(driver);
}

TEST(Endless, LinesOfAReply) {
  for (const char* line : {"220-\r\n", "220-and so on\r\n"}) {
    Driver driver(plain_options());
    (void)driver.advance();
    EXPECT_LE(endless(driver, line, 1U << 30U), bound);
    expect_protocol_error(driver);
  }
}

// 10^5 keywords are no capabilities.
TEST(Endless, Ehlo) {
  Driver driver(plain_options());
  driver.converse({greeting});
  std::string reply;
  for (int i = 0; i < 100000; ++i) reply += "250-X" + std::to_string(i) + "\r\n";
  driver.session.receive(reply + "250 PIPELINING\r\n");
  expect_protocol_error(driver);
  EXPECT_FALSE(driver.session.capabilities().esmtp);
  EXPECT_FALSE(driver.message_begun());
}

// Replies to nothing, a million of them, wherever the session is: the first too many ends it. Where
// the end of data is owed its reply, the first is that.
TEST(Flood, OfRepliesAtEveryPlace) {
  const std::vector<std::string> way = {greeting, pipelining_ehlo, ok + ok, "354 go\r\n", ok};
  constexpr std::size_t end_of_data = 4;
  for (std::size_t heard = 0; heard <= way.size(); ++heard) {
    Driver driver(plain_options());
    driver.converse({way.begin(), way.begin() + static_cast<std::ptrdiff_t>(heard)});
    std::size_t replies = 0;
    for (; replies < 1000000 && driver.session.state() != State::ended; replies += 1000) {
      std::string flood;
      for (int i = 0; i < 1000; ++i) flood += "250 ok\r\n";
      driver.session.receive(flood);
    }
    EXPECT_EQ(replies, 1000U) << heard;
    (void)driver.advance();
    EXPECT_TRUE(driver.ended) << heard;
    EXPECT_LE(driver.session.replies(), heard + 4) << "nothing is read on after the end";
    for (const auto& outcomes : driver.outcomes) {
      EXPECT_EQ(outcomes.at(0).verdict,
                heard >= end_of_data ? Verdict::accepted : Verdict::not_tried)
          << heard;
    }
  }
}

// After the dot the first reply answers it, and the flood behind it changes nothing.
TEST(Flood, BehindTheAnswerLeavesIt) {
  Driver driver(plain_options());
  driver.converse({greeting, bare_ehlo, ok, ok, "354 go\r\n"});
  std::string flood = "250 2.0.0 taken\r\n";
  for (int i = 0; i < 1000; ++i) flood += "554 no\r\n";
  (void)driver.hear(flood);
  EXPECT_EQ(driver.verdict(), Verdict::accepted);
  EXPECT_EQ(driver.outcomes.at(0).at(0).reply->summary(), "250 2.0.0 taken");
}

// 1yz is no reply of SMTP (RFC 5321 4.2.1), nor are codes beyond 5; a server that keeps saying them
// is not waited for.
TEST(Odd, CodesEndTheSession) {
  for (const char* code : {"100", "199", "600", "999", "000", "260", "06", "2500", "-25"}) {
    const std::string reply = std::string(code) + " hm\r\n";
    for (int heard = 0; heard < 4; ++heard) {
      Driver driver(plain_options());
      const std::vector<std::string> way = {greeting, bare_ehlo, ok};
      driver.converse({way.begin(), way.begin() + heard});
      driver.session.receive(reply);
      expect_protocol_error(driver);
    }
  }
}

TEST(Odd, ANulIsNoReplyAndNoSuccess) {
  Driver driver(plain_options());
  driver.converse({greeting, bare_ehlo, ok, ok, "354 go\r\n"});
  driver.session.receive(std::string_view("250 o\0k\r\n", 9));
  (void)driver.advance();
  EXPECT_EQ(driver.verdict(), Verdict::in_doubt);
}

/// A session that has said AUTH.
void say_auth(Driver& driver) {
  driver.converse({greeting, "250-me\r\n250 AUTH X-A X-B\r\n"});
  ASSERT_EQ(driver.session.state(), State::auth);
}

SessionOptions sign_in_options() {
  SessionOptions options = plain_options();
  options.sign_in = true;
  return options;
}

// Ten megabytes of base64: refused as a line without end, long before.
TEST(Challenge, OfTenMegabytes) {
  Driver driver(sign_in_options());
  say_auth(driver);
  driver.session.receive("334 ");
  EXPECT_LE(endless(driver, "QUJD", 10U << 20U), ReplyParser::max_line + one_read);
  expect_protocol_error(driver);
}

// "334" after "*" would go on for ever: RFC 4954 section 4 has the server refuse then.
TEST(Challenge, ForEver) {
  Driver driver(sign_in_options());
  driver.aborts = true;
  say_auth(driver);
  ASSERT_TRUE(driver.hear("334 QUJD\r\n"));
  EXPECT_EQ(driver.wire.substr(driver.wire.size() - 3), "*\r\n");
  EXPECT_FALSE(driver.hear("334 QUJD\r\n"));
  ASSERT_TRUE(driver.ended && driver.ended->error);
  EXPECT_EQ(driver.ended->error->cause, Cause::protocol);
  EXPECT_EQ(driver.ended->error->phase, Phase::sign_in);
}

// The next mechanism has its challenges again.
TEST(Challenge, OfTheNextMechanismIsHeard) {
  Driver driver(sign_in_options());
  driver.aborts = true;
  say_auth(driver);
  (void)driver.hear("334 QUJD\r\n");
  (void)driver.hear("501 5.7.0 given up\r\n");
  EXPECT_TRUE(driver.hear("334 QUJD\r\n"));
  EXPECT_EQ(driver.session.state(), State::auth);
}

// What was offered in the clear counts for nothing under TLS, in either direction: a mechanism
// taken away is not used, an extension that appeared is not assumed before.
TEST(Capabilities, ChangeWithTls) {
  SessionOptions options;
  options.sign_in = true;
  Driver driver(options);
  driver.converse({greeting, "250-me\r\n250-STARTTLS\r\n250-SIZE 5\r\n250 AUTH X-CLEAR\r\n",
                   "220 go\r\n", "250-me\r\n250 AUTH X-TLS\r\n"});
  EXPECT_EQ(driver.session.capabilities().mechanisms, (std::vector<std::string>{"X-TLS"}));
  EXPECT_FALSE(driver.session.capabilities().size);
  EXPECT_NE(driver.wire.find("AUTH X-TLS\r\n"), std::string::npos);
  EXPECT_EQ(driver.wire.find("X-CLEAR"), std::string::npos);
}

// Between the 220 and the end of the handshake nothing may come but TLS: neither along with the 220
// nor while the owner shakes hands.
TEST(Injected, AfterStartTlsIsNeverRead) {
  for (const char* clear : {"250 injected\r\n", "2", "\r\n", "250-half", "554 no\r\n"}) {
    for (const bool along : {true, false}) {
      Session session(SessionOptions{});
      std::string wire;
      auto advance = [&] {
        Output output = session.next();
        while (auto* send = std::get_if<Send>(&output)) {
          wire += send->bytes;
          session.sent(send->bytes.size());
          output = session.next();
        }
        return output;
      };
      (void)advance();
      session.receive(greeting);
      (void)advance();
      session.receive("250-me\r\n250 STARTTLS\r\n");
      (void)advance();
      session.receive(std::string("220 go\r\n") + (along ? clear : ""));
      if (!along) session.receive(clear);
      session.tls_established();
      const Output last = advance();
      ASSERT_TRUE(std::holds_alternative<Ended>(last)) << clear << along;
      EXPECT_EQ(wire, "EHLO [127.0.0.1]\r\nSTARTTLS\r\n");
      EXPECT_FALSE(session.secure());
    }
  }
}

}  // namespace
}  // namespace sendonce::smtp
