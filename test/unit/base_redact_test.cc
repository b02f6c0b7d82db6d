// Secrets are taken out of text, however a server says them back.

#include <gtest/gtest.h>

#include "base/redact.hh"

namespace sendonce {
namespace {

std::string redacted(const char* text, const char* secret = "s3cret-word") {
  return redact(text, Secret(std::string_view(secret)));
}

TEST(Redact, TakesOutEachOccurrence) {
  EXPECT_EQ(redacted("535 s3cret-word is not s3cret-word"), "535 <redacted> is not <redacted>");
}

TEST(Redact, LeavesOtherTextAlone) {
  EXPECT_EQ(redacted("535 s3cret is not it"), "535 s3cret is not it");
  EXPECT_EQ(redacted("anything", ""), "anything");
}

// base64 of the word alone, and behind one, two and three other bytes.
TEST(Redact, KnowsBase64AtEachPlace) {
  for (const char* text :
       {"czNjcmV0LXdvcmQ=", "AHMzY3JldC13b3Jk", "AABzM2NyZXQtd29yZA==", "AAAAczNjcmV0LXdvcmQ="}) {
    const std::string left = redacted(text);
    EXPECT_NE(left.find("<redacted>"), std::string::npos) << text << " became " << left;
    EXPECT_LT(left.size(), std::string("<redacted>").size() + 9) << left;
  }
}

TEST(Redact, ShortSecretsAreTakenOutAsTheyAre) {
  EXPECT_EQ(redacted("a b c", "b"), "a <redacted> c");
}

}  // namespace
}  // namespace sendonce
