// A secret is taken out of text, however a server says it back, and the Redactor holds no copy of
// it.

#include <gtest/gtest.h>

#include <string>

#include "base/redactor.hh"

namespace sendonce {
namespace {

Redactor redactor(std::string_view secret) {
  Redactor made;
  made.add(Secret(secret));
  return made;
}

std::string redacted(std::string_view text, std::string_view secret = "s3cret-word") {
  return redactor(secret).redact(text);
}

TEST(Redactor, TakesOutEachOccurrence) {
  EXPECT_EQ(redacted("535 s3cret-word is not s3cret-word."), "535 <redacted> is not <redacted>.");
}

TEST(Redactor, LeavesOtherTextAlone) {
  EXPECT_EQ(redacted("535 s3cret is not it"), "535 s3cret is not it");
  EXPECT_EQ(redacted("anything", ""), "anything");
  EXPECT_EQ(Redactor().redact("anything"), "anything");
}

TEST(Redactor, PassesOverSecretsThatAnyTextHas) { EXPECT_EQ(redacted("a b c", "b"), "a b c"); }

// The word alone, and behind one, two and three other octets.
TEST(Redactor, KnowsBase64AtEachPlace) {
  for (const char* text :
       {"czNjcmV0LXdvcmQ=", "AHMzY3JldC13b3Jk", "AABzM2NyZXQtd29yZA==", "AAAAczNjcmV0LXdvcmQ="}) {
    const std::string left = redacted("334 " + std::string(text) + " x");
    EXPECT_NE(left.find("<redacted>"), std::string::npos) << text << " became " << left;
    EXPECT_LT(left.size(), std::string("334 <redacted> x").size() + 9) << left;
  }
}

TEST(Redactor, KnowsBase64Url) {
  EXPECT_EQ(redacted("x /v/+/v/+ x", "\xfe\xff\xfe\xfe\xff\xfe"), "x <redacted> x");
  EXPECT_EQ(redacted("x _v_-_v_- x", "\xfe\xff\xfe\xfe\xff\xfe"), "x <redacted> x");
}

TEST(Redactor, KnowsEscapedForms) {
  const std::string secret = "p\"a\\ss% w\xc3\xb6rd";
  for (const char* text :
       {"p\"a\\ss% w\xc3\xb6rd", "p\"a\\ss% w\\xc3\\xb6rd", "p\\\"a\\\\ss% w\xc3\xb6rd",
        "p%22a%5Css%25%20w%C3%B6rd", "p%22a%5css%25%20w%c3%b6rd"}) {
    EXPECT_EQ(redacted("5 " + std::string(text) + " x", secret), "5 <redacted> x") << text;
  }
}

TEST(Redactor, KnowsSeveral) {
  Redactor both = redactor("first-one");
  both.add(Secret(std::string_view("second-one")));
  EXPECT_EQ(both.redact("first-one second-one"), "<redacted> <redacted>");
}

// `printable` cuts what it quotes: the half of a password is worth hiding, too.
TEST(Redactor, TakesOutWhatIsCutShort) {
  EXPECT_EQ(redacted("535 s3cret-w"), "535 <redacted>");
  EXPECT_EQ(redacted("535 s3cret-w..."), "535 <redacted>...");
  EXPECT_EQ(redacted("535 s3cre"), "535 s3cre");
  EXPECT_EQ(redacted("535 s3cret-w... "), "535 s3cret-w... ");
}

TEST(Redactor, TellsWhatMayStillBecomeASecret) {
  const Redactor one = redactor("s3cret-word");
  EXPECT_EQ(one.unfinished("535 s3cret-wor"), 10U);
  EXPECT_EQ(one.unfinished("535 s"), 1U);
  EXPECT_EQ(one.unfinished("535 s3cret-word"), 0U);
  EXPECT_EQ(one.unfinished(""), 0U);
  EXPECT_EQ(Redactor().unfinished("535 s"), 0U);
}

// Shown piece by piece, with the end kept back, nothing of it gets through, however it is cut.
TEST(Redactor, KeepsAStreamClean) {
  const Redactor one = redactor("s3cret-word");
  const std::string said = "535 s3cret-words3cret-word s3cret-wo";
  for (std::size_t step = 1; step <= said.size(); ++step) {
    std::string held;
    std::string shown;
    for (std::size_t at = 0; at < said.size(); at += step) {
      held += said.substr(at, step);
      const std::size_t ready = held.size() - one.unfinished(held);
      shown += one.redact(held.substr(0, ready));
      held.erase(0, ready);
    }
    shown += one.redact(held);
    EXPECT_EQ(shown, "535 <redacted><redacted> <redacted>") << step;
  }
}

}  // namespace
}  // namespace sendonce
