// The small types under everything: secrets that wipe themselves, text, deadlines.

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <thread>
#include <utility>

#include "base/clock.hh"
#include "base/secret.hh"
#include "base/synchronised.hh"
#include "base/text.hh"

namespace sendonce {
namespace {

TEST(Wipe, LeavesZeroes) {
  char bytes[] = "tanstaaf";  // NOLINT(modernize-avoid-c-arrays)
  wipe(bytes, 4);
  EXPECT_EQ(std::memcmp(bytes, "\0\0\0\0taaf", 8), 0);
}

TEST(Secret, MovesAndDoesNotCopy) {
  static_assert(!std::is_copy_constructible_v<Secret> &&
                !std::is_convertible_v<Secret, std::string>);
  Secret one("pass");
  Secret two(std::move(one));
  EXPECT_EQ(two.reveal(), "pass");
  EXPECT_TRUE(one.empty());  // NOLINT(bugprone-use-after-move): that is the question
  two = Secret("word");
  EXPECT_EQ(two.reveal(), "word");
  EXPECT_EQ(two.reveal().data()[4], '\0');
  EXPECT_EQ(two.copy().reveal(), "word");
  EXPECT_TRUE(Secret().reveal().empty());
}

TEST(Text, KnowsUtf8) {
  for (const char* good : {"", "a", "\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xe6\x97\xa5\xe6\x9c\xac"}) {
    EXPECT_TRUE(is_utf8(good)) << printable(good);
  }
  for (const char* bad :
       {"\x80", "\xc1\xbf", "\xc2", "\xc2z", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xe6\x97",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"}) {
    EXPECT_FALSE(is_utf8(bad)) << printable(bad);
  }
}

TEST(Text, IsAsciiAlone) {
  EXPECT_EQ(ascii_upper("a\xc3\xa4z"), "A\xc3\xa4Z");
  EXPECT_EQ(ascii_lower("AZ@["), "az@[");
  EXPECT_TRUE(ascii_equal("StartTLS", "STARTTLS"));
  EXPECT_FALSE(ascii_equal("SIZE", "SIZES"));
  EXPECT_EQ(split_words(" a\tb  c "), (std::vector<std::string_view>{"a", "b", "c"}));
}

TEST(Text, QuotesWhatWasRead) {
  EXPECT_EQ(printable(std::string_view("a\r\n\0\xff", 5)), "a\\x0d\\x0a\\x00\\xff");
  EXPECT_EQ(printable("abcdef", 3), "abc...");
}

TEST(Deadline, CountsDownAndKnowsNever) {
  EXPECT_EQ(Deadline::never().poll_timeout(), -1);
  EXPECT_FALSE(Deadline::never().passed());
  EXPECT_TRUE(Deadline::after(Milliseconds(0)).passed());
  EXPECT_EQ(Deadline::after(Milliseconds(-5)).poll_timeout(), 0);
  const Deadline soon = Deadline::after(Seconds(100));
  EXPECT_GT(soon.poll_timeout(), 90'000);
  EXPECT_EQ(soon.earlier_of(Deadline::never()).time(), soon.time());
}

TEST(Synchronised, WakesWhoWaits) {
  Synchronised<int> value;
  std::thread other([&] {
    *value.lock() = 7;
    value.notify();
  });
  {
    auto guard = value.lock();
    guard.wait([&] { return *guard == 7; });
  }
  other.join();
  EXPECT_EQ(*value.lock(), 7);
}

}  // namespace
}  // namespace sendonce
