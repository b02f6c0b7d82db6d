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
  for (const auto& pieces : {std::vector<std::string>{text}, bytes_of(text),
                             std::vector<std::string>{text + "250 trailing\r\n"}}) {
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

TEST(Reply, AnErrorStaysWhateverComesAfter) {
  ReplyParser parser;
  parser.feed("junk\r\n");
  const auto first = parser.next();
  ASSERT_FALSE(first.has_value());
  for (int i = 0; i < 3; ++i) {
    parser.feed("250 ok\r\n");
    const auto again = parser.next();
    ASSERT_FALSE(again.has_value());
    EXPECT_EQ(again.error().message, first.error().message);
    EXPECT_EQ(again.error().reply, "junk");
    EXPECT_EQ(again.error().cause, Cause::protocol);
  }
}

/// Every code that three octets can make: [2-5][0-5][0-9] and no other.
TEST(Reply, KnowsCodesFromOtherOctets) {
  for (int first = 0; first < 256; ++first) {
    for (const char second : {'0', '5', '6', '9', 'a', '/', ':', '-'}) {
      for (const char third : {'0', '9', '/', ':', ' '}) {
        const std::string code = {static_cast<char>(static_cast<unsigned char>(first)), second,
                                  third};
        const bool good = first >= '2' && first <= '5' && (second == '0' || second == '5') &&
                          (third == '0' || third == '9');
        const Heard heard = hear({code + " x\r\n"});
        EXPECT_EQ(heard.error.empty(), good) << code;
        EXPECT_EQ(heard.replies.size(), good ? 1U : 0U) << code;
      }
    }
  }
}

/// A bare CR is known as soon as the octet after it is there.
TEST(Reply, WaitsForNothingAfterABareCr) {
  EXPECT_NE(hear({"250 a\rb"}).error.find("bare CR"), std::string::npos);
  EXPECT_EQ(hear({"250 a\r"}).error, "");
}

TEST(Reply, TakesTheLongestLineAndNoLonger) {
  const std::string longest = "250 " + std::string(ReplyParser::max_line - 6, 'x');
  EXPECT_EQ(hear({longest + "\r\n"}).replies.size(), 1U);
  EXPECT_EQ(hear(bytes_of(longest + "\r\n")).replies.size(), 1U);
  expect_error(longest + "x\r\n", "without end");
}

TEST(Reply, CountsEachReplyForItself) {
  std::string many;
  while (many.size() <= 2 * ReplyParser::max_reply) many += "250-a\r\n250 b\r\n";
  EXPECT_EQ(hear({many}).error, "");
}

TEST(Reply, KnowsWhatIsLeftOver) {
  ReplyParser parser;
  EXPECT_FALSE(parser.has_leftover());
  parser.feed("250-a\r\n");
  (void)parser.next();
  EXPECT_TRUE(parser.has_leftover());
  parser.feed("250 b\r\n2");
  EXPECT_TRUE(parser.next()->has_value());
  EXPECT_TRUE(parser.has_leftover());
  parser.feed("50 c\r\n");
  EXPECT_TRUE(parser.next()->has_value());
  EXPECT_FALSE(parser.has_leftover());
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
  const Capabilities all = ehlo({"", "   ", "SIZE 99999999999999999999", "SIZE -1", "SIZE 12x",
                                 "AUTH", "AUTH a\x01/b", "PIPELININGS", "STARTTLS-NOT"});
  EXPECT_EQ(all.size_limit, 0U);
  EXPECT_TRUE(all.mechanisms.empty());
  EXPECT_FALSE(all.pipelining || all.starttls);
}

TEST(Capabilities, ReadsSizeToTheLastOctet) {
  EXPECT_EQ(ehlo({"SIZE 18446744073709551615"}).size_limit, 18446744073709551615U);
  EXPECT_EQ(ehlo({"SIZE 18446744073709551616"}).size_limit, 0U);
  EXPECT_TRUE(ehlo({"SIZE"}).size);
  EXPECT_EQ(ehlo({"size\t7"}).size_limit, 7U);
}

TEST(Capabilities, BearsManyLines) {
  const Capabilities all = ehlo(std::vector<std::string>(10000, "AUTH A B C D"));
  EXPECT_EQ(all.mechanisms, (std::vector<std::string>{"A", "B", "C", "D"}));
}

TEST(Capabilities, BearsAFlood) {
  std::string names = "AUTH";
  for (int i = 0; i < 5000; ++i) names += " M" + std::to_string(i);
  EXPECT_EQ(ehlo({names}).mechanisms.size(), 64U);
}

}  // namespace
}  // namespace sendonce::smtp
