// Replies and capabilities.  Every case is read whole, byte by byte, and with bytes trailing: the
// three must agree.

#include "smtp/reply.hh"

#include <gtest/gtest.h>

#include <vector>

#include "smtp/capabilities.hh"

namespace sendonce::smtp {
namespace {

/// What a parser makes of the pieces fed to it one by one: replies, then perhaps an error.
struct Heard {
  std::vector<Reply> replies;
  std::string error;  // what was read, as the error quotes it; "" for none
};

Heard hear(const std::vector<std::string>& pieces) {
  Heard heard;
  ReplyParser parser;
  for (const std::string& piece : pieces) {
    parser.feed(piece);
    for (;;) {
      auto reply = parser.next();
      if (!reply) {
        heard.error = reply.error().message + ": " + reply.error().reply;
        EXPECT_FALSE(parser.next().has_value()) << "an error is for good";
        return heard;
      }
      if (!reply->has_value()) break;
      heard.replies.push_back(**reply);
    }
  }
  return heard;
}

std::vector<std::string> bytes_of(const std::string& text) {
  std::vector<std::string> pieces;
  for (const char c : text) pieces.emplace_back(1, c);
  return pieces;
}

void expect_reply(const std::string& text, int code, const std::vector<std::string>& lines) {
  for (const auto& pieces : {std::vector<std::string>{text}, bytes_of(text),
                             std::vector<std::string>{text + "250-trailing"}}) {
    const Heard heard = hear(pieces);
    EXPECT_EQ(heard.error, "") << text;
    ASSERT_EQ(heard.replies.size(), 1U) << text;
    EXPECT_EQ(heard.replies[0].code, code);
    EXPECT_EQ(heard.replies[0].lines, lines);
  }
}

void expect_error(const std::string& text, const std::string& why) {
  for (const auto& pieces : {std::vector<std::string>{text}, bytes_of(text)}) {
    const Heard heard = hear(pieces);
    EXPECT_TRUE(heard.replies.empty()) << text;
    EXPECT_NE(heard.error.find(why), std::string::npos) << text << " gave " << heard.error;
  }
}

TEST(Reply, OneLine) { expect_reply("250 Ok\r\n", 250, {"Ok"}); }
TEST(Reply, ManyLines) { expect_reply("250-a\r\n250-b\r\n250 c\r\n", 250, {"a", "b", "c"}); }
TEST(Reply, BareCode) { expect_reply("250\r\n", 250, {""}); }
TEST(Reply, NoText) { expect_reply("250 \r\n", 250, {""}); }
TEST(Reply, BareCodeEnds) { expect_reply("250-a\r\n250\r\n", 250, {"a", ""}); }
TEST(Reply, KeepsEightBitText) {
  expect_reply("550 \xe3\x81\x84\xff\r\n", 550, {"\xe3\x81\x84\xff"});
}

TEST(Reply, SplitsOffEnhancedStatus) {
  const Reply reply = hear({"550-5.1.1 No such\r\n550 5.1.1 user\r\n"}).replies.at(0);
  EXPECT_EQ(reply.enhanced(), (EnhancedStatus{5, 1, 1}));
  EXPECT_EQ(reply.text(), "No such user");
  EXPECT_EQ(reply.summary(), "550 5.1.1 No such user");
}

TEST(Reply, TakesNoStatusOfAnotherClass) {
  for (const char* line : {"4.1.1 x", "5.1 x", "5.1.1.1 x", "5.1111.1 x", "5..1 x", "5.1.1x"}) {
    EXPECT_EQ((Reply{550, {line}}).enhanced(), std::nullopt) << line;
    EXPECT_EQ((Reply{550, {line}}).text(), line);
  }
}

TEST(Reply, RefusesWhatIsNone) {
  expect_error("hello\r\n", "no reply code");
  expect_error("25\r\n", "no reply code");
  expect_error("150 x\r\n", "no reply code");
  expect_error("600 x\r\n", "no reply code");
  expect_error("260 x\r\n", "no reply code");
  expect_error("25x x\r\n", "no reply code");
  expect_error("\r\n", "no reply code");
  expect_error("250_x\r\n", "no space or hyphen");
  expect_error("2500\r\n", "no space or hyphen");
  expect_error("250-a\r\n550 b\r\n", "changes from 250");
  expect_error("250 a\n", "bare LF");
  expect_error("250 a\rb\r\n", "bare CR");
  expect_error("250 a\r\r\n", "bare CR");
  expect_error(std::string("250 a\0b\r\n", 9), "NUL");
}

TEST(Reply, QuotesWhatWasRead) {
  EXPECT_NE(hear({"HTTP/1.1 400\r\n"}).error.find("HTTP/1.1 400"), std::string::npos);
}

TEST(Reply, IsBounded) {
  expect_error("250 " + std::string(5000, 'x'), "without end");
  std::string flood;
  while (flood.size() <= ReplyParser::max_reply) flood += "250-and so on\r\n";
  EXPECT_NE(hear({flood}).error.find("without end"), std::string::npos);
}

TEST(Reply, ComesOneByOneOutOfAGroup) {
  const Heard heard = hear({"250 a\r\n250-b\r\n25", "0 c\r\n354 d\r\n"});
  ASSERT_EQ(heard.replies.size(), 3U);
  EXPECT_EQ(heard.replies[1].lines, (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(heard.replies[2].code, 354);
}

Capabilities ehlo(std::vector<std::string> lines) {
  lines.insert(lines.begin(), "mail.example at your service");
  return Capabilities::parse(Reply{250, std::move(lines)});
}

TEST(Capabilities, KnowsTheKeywords) {
  const Capabilities all =
      ehlo({"STARTTLS", "pipelining", "Chunking", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES",
            "SIZE 35882577", "AUTH plain LOGIN PLAIN", "X-UNKNOWN yes"});
  EXPECT_TRUE(all.esmtp && all.starttls && all.pipelining && all.chunking && all.eight_bit_mime);
  EXPECT_TRUE(all.smtputf8 && all.enhanced_status_codes && all.size);
  EXPECT_EQ(all.size_limit, 35882577U);
  EXPECT_EQ(all.mechanisms, (std::vector<std::string>{"PLAIN", "LOGIN"}));
}

TEST(Capabilities, TakesNoneFromTheFirstLine) {
  EXPECT_FALSE(Capabilities::parse(Reply{250, {"STARTTLS"}}).starttls);
}

TEST(Capabilities, ReadsOldAuth) {
  EXPECT_EQ(ehlo({"AUTH=LOGIN PLAIN"}).mechanisms, (std::vector<std::string>{"LOGIN", "PLAIN"}));
}

TEST(Capabilities, PassesOverJunk) {
  const Capabilities all =
      ehlo({"", "   ", "SIZE 99999999999999999999", "SIZE -1", "SIZE 12x", "AUTH",
            "AUTH a\x01"
            "b",
            "PIPELININGS", "STARTTLS-NOT"});
  EXPECT_EQ(all.size_limit, 0U);
  EXPECT_TRUE(all.mechanisms.empty());
  EXPECT_FALSE(all.pipelining || all.starttls);
}

TEST(Capabilities, BearsAFlood) {
  std::string names = "AUTH";
  for (int i = 0; i < 5000; ++i) names += " M" + std::to_string(i);
  EXPECT_EQ(ehlo({names}).mechanisms.size(), 64U);
}

}  // namespace
}  // namespace sendonce::smtp
