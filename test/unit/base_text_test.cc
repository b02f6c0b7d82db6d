// Text helpers against slow, obvious references: UTF-8 over all short sequences, ASCII over all
// octets.  Causes and phases have names of their own.

#include "base/text.hh"

#include <gtest/gtest.h>

#include <cctype>
#include <set>
#include <string>

#include "base/clock.hh"
#include "base/error.hh"

namespace sendonce {
namespace {

char octet(int value) { return static_cast<char>(static_cast<unsigned char>(value)); }

/// The scalar that TEXT encodes as RFC 3629 section 3 has it, or -1: decodes, then looks at the
/// value.
long decoded(const std::string& text) {
  const auto at = [&](std::size_t i) {
    return static_cast<long>(static_cast<unsigned char>(text[i]));
  };
  const std::size_t size = text.size();
  for (std::size_t i = 1; i < size; ++i) {
    if ((at(i) & 0xC0) != 0x80) return -1;
  }
  long value = -1;
  if (size == 1 && at(0) < 0x80) value = at(0);
  if (size == 2 && (at(0) & 0xE0) == 0xC0) value = ((at(0) & 0x1F) << 6) | (at(1) & 0x3F);
  if (size == 3 && (at(0) & 0xF0) == 0xE0)
    value = ((at(0) & 0x0F) << 12) | ((at(1) & 0x3F) << 6) | (at(2) & 0x3F);
  if (size == 4 && (at(0) & 0xF8) == 0xF0)
    value =
        ((at(0) & 0x07) << 18) | ((at(1) & 0x3F) << 12) | ((at(2) & 0x3F) << 6) | (at(3) & 0x3F);
  constexpr long smallest[] = {0, 0, 0x80, 0x800, 0x10000};  // NOLINT(modernize-avoid-c-arrays)
  if (value < 0 || value < smallest[size] || value > 0x10FFFF) return -1;
  return value >= 0xD800 && value <= 0xDFFF ? -1 : value;
}

bool reference_utf8(const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    std::size_t length = 1;
    while (length <= 4 && decoded(text.substr(at, length)) < 0) ++length;
    if (length > 4 || at + length > text.size()) return false;
    at += length;
  }
  return true;
}

TEST(Utf8, AllSequencesOfTwoOctets) {
  for (int a = 0; a < 256; ++a) {
    ASSERT_EQ(is_utf8(std::string{octet(a)}), reference_utf8({octet(a)})) << a;
    for (int b = 0; b < 256; ++b) {
      const std::string text = {octet(a), octet(b)};
      ASSERT_EQ(is_utf8(text), reference_utf8(text)) << a << " " << b;
    }
  }
}

/// Every lead octet with second octets around each bound, and tails good and bad; whole, cut short,
/// and with ASCII after.
TEST(Utf8, LongerSequencesAtTheirBounds) {
  for (int lead = 0xC0; lead < 256; ++lead) {
    for (const int second : {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF}) {
      for (const int third : {0x0A, 0x7F, 0x80, 0xBF, 0xC0}) {
        for (const int fourth : {0x0D, 0x80, 0xBF, 0xC0}) {
          const std::string text = {octet(lead), octet(second), octet(third), octet(fourth), 'z'};
          for (std::size_t size = 1; size <= text.size(); ++size) {
            const std::string part = text.substr(0, size);
            ASSERT_EQ(is_utf8(part), reference_utf8(part)) << printable(part);
          }
        }
      }
    }
  }
}

TEST(Ascii, KnowsEveryOctetByItself) {
  for (int value = 0; value < 256; ++value) {
    const char c = octet(value);
    const bool lower = value >= 'a' && value <= 'z';
    const bool upper = value >= 'A' && value <= 'Z';
    EXPECT_EQ(ascii_upper(c), lower ? octet(value - 32) : c);
    EXPECT_EQ(ascii_lower(std::string{c}), std::string{upper ? octet(value + 32) : c});
    EXPECT_EQ(is_ascii(std::string{c}), value < 128);
    EXPECT_EQ(ascii_equal(std::string{c}, std::string{octet(value ^ 0x20)}), lower || upper);
  }
  EXPECT_TRUE(is_ascii(""));
  EXPECT_TRUE(ascii_equal("", ""));
  EXPECT_FALSE(ascii_equal("", "a"));
}

TEST(Words, AreBetweenBlanks) {
  EXPECT_TRUE(split_words("").empty());
  EXPECT_TRUE(split_words(" \t ").empty());
  EXPECT_EQ(split_words("a").size(), 1U);
  EXPECT_EQ(split_words("\ta \t b\t").back(), "b");
  EXPECT_EQ(split_words("a\rb").size(), 1U);  // no other octet is a blank
}

TEST(Printable, HoldsNoControlWhateverComes) {
  std::string all;
  for (int value = 0; value < 256; ++value) all += octet(value);
  const std::string shown = printable(all, 1000);
  for (const char c : shown) EXPECT_TRUE(c >= 32 && c < 127);
  EXPECT_EQ(printable("abc", 3), "abc");
  EXPECT_EQ(printable("abcd", 3), "abc...");
  EXPECT_EQ(printable("", 0), "");
  EXPECT_EQ(printable("a", 0), "...");
}

TEST(Names, AreOneForEachCauseAndPhase) {
  std::set<std::string_view> causes;
  for (int i = 0; i <= static_cast<int>(Cause::storage_full); ++i)
    causes.insert(cause_name(static_cast<Cause>(i)));
  EXPECT_EQ(causes.size(), static_cast<std::size_t>(Cause::storage_full) + 1);
  std::set<std::string_view> phases;
  for (int i = 0; i <= static_cast<int>(Phase::quit); ++i)
    phases.insert(phase_name(static_cast<Phase>(i)));
  EXPECT_EQ(phases.size(), static_cast<std::size_t>(Phase::quit) + 1);
}

TEST(DeadlineBounds, AreNotWrappedAround) {
  EXPECT_TRUE(Deadline::after(Milliseconds::max()).is_never());
  EXPECT_EQ(Deadline::after(Milliseconds::max()).poll_timeout(), -1);
  const Deadline far = Deadline::after(std::chrono::hours(24 * 365 * 100));
  EXPECT_FALSE(far.passed());
  EXPECT_EQ(far.poll_timeout(), 1'000'000'000);
  EXPECT_TRUE(Deadline::after(Milliseconds(-1)).passed());
  EXPECT_TRUE(far.earlier_of(Deadline::after(Milliseconds(-1))).passed());
  EXPECT_FALSE(Deadline::never().earlier_of(far).is_never());
}

/// A poll that ends early would find the deadline not passed, and go round again.
TEST(DeadlineBounds, RoundUp) {
  const Deadline soon = Deadline::after(Milliseconds(50));
  const int timeout = soon.poll_timeout();
  EXPECT_GE(timeout, 1);
  EXPECT_LE(timeout, 50);
}

}  // namespace
}  // namespace sendonce
