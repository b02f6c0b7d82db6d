// Challenges of a server that means ill, or errs: never a crash, never a completion.

#include <gtest/gtest.h>

#include "sasl/base64.hh"
#include "sasl/exchange.hh"
#include "sasl/mechanism.hh"
#include "sasl_support.hh"

namespace sendonce::sasl {
namespace {

using test::agree;
using test::Change;
using test::credentials;
using test::decoded;
using test::encoded;
using test::Server;

/// Both sides agree with the password, but for CHANGE; whether they still do.
bool survives(const std::string& mechanism, const Change& change) {
  Server server(mechanism, {{GSASL_AUTHID, "joe"},
                            {GSASL_PASSWORD, "pencil"},
                            {GSASL_SCRAM_ITER, "2"},
                            {GSASL_REALM, "example"}});
  auto client = Exchange::begin(mechanism, credentials("joe", "pencil"));
  const bool agreed = agree(**client, server, change);
  EXPECT_TRUE(agreed || !(*client)->complete());
  return agreed;
}

/// Changes the byte AT of the decoded challenge number WHICH by XORing BITS into it; says in
/// `beyond` whether that challenge is so short.
struct Flip {
  int which;
  std::size_t at;
  char bits;
  bool& beyond;
  int seen = 0;

  std::string operator()(const std::string& challenge) {
    if (seen++ != which) return challenge;
    std::string bytes = decoded(challenge);
    beyond = at >= bytes.size();
    if (!beyond) bytes[at] = static_cast<char>(bytes[at] ^ bits);
    return encoded(bytes);
  }
};

class Mutations : public ::testing::TestWithParam<const char*> {};

// All 255 others for each byte of each challenge: none may be taken for the good one.
TEST_P(Mutations, NoneIsTaken) {
  for (int which = 0; which < 2; ++which) {
    bool beyond = false;
    for (std::size_t at = 0; !beyond; ++at) {
      for (int bits = 1; bits < 256 && !beyond; ++bits) {
        const bool taken = survives(GetParam(), Flip{which, at, static_cast<char>(bits), beyond});
        EXPECT_EQ(taken, beyond) << "challenge " << which << " byte " << at << " bits " << bits;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Mechanisms, Mutations, ::testing::Values("SCRAM-SHA-1", "SCRAM-SHA-256"));

// DIGEST-MD5 does not sign the whole offer: what counts is that nothing crashes.
TEST(Mutation, OfDigestMd5EndsSomehow) {
  bool beyond = false;
  for (std::size_t at = 0; !beyond; ++at) {
    for (const int bits : {1, 2, 7, 0x22, 0x80, 0xff})
      survives("DIGEST-MD5", Flip{0, at, static_cast<char>(bits), beyond});
  }
}

TEST(Hostile, WhatIsNotBase64IsRefused) {
  for (const std::string& mechanism : known_mechanisms()) {
    if (needs(mechanism) == Needs::nothing || mechanism.ends_with("-PLUS")) continue;
    for (const char* bad :
         {"!", "abc", "ab=c", "a===", "====", "ab==cd==", "YQ= ", "YR==", "\xff"}) {
      auto client = Exchange::begin(mechanism, credentials("joe", "pencil"));
      (void)(*client)->first();
      const auto response = (*client)->respond(bad);
      ASSERT_FALSE(response.has_value()) << mechanism << ' ' << bad;
      EXPECT_EQ(response.error().cause, Cause::auth_failed);
    }
  }
}

TEST(Hostile, WhatIsTooLongIsRefused) {
  for (const char* mechanism : {"SCRAM-SHA-256", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "XOAUTH2"}) {
    auto client = Exchange::begin(mechanism, credentials("joe", "pencil"));
    (void)(*client)->first();
    EXPECT_FALSE((*client)->respond(encoded(std::string(65537, 'x'))).has_value()) << mechanism;
  }
}

TEST(Hostile, NoChallengeMakesAThreadHashForEver) {
  for (const char* count : {"4294967295", "1000001", "99999999999999999999", "0", "-1", "4096x"}) {
    auto client = Exchange::begin("SCRAM-SHA-256", credentials("joe", "pencil"));
    const std::string first = decoded((*(*client)->first())->reveal());
    const std::string nonce = first.substr(first.find("r="));
    const auto response =
        (*client)->respond(encoded(nonce + "more,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=" + count));
    EXPECT_FALSE(response.has_value()) << count;
  }
}

TEST(Hostile, ErrorsAreQuotedWithoutTheirControls) {
  auto client = Exchange::begin("SCRAM-SHA-256", credentials("joe", "pencil"));
  (void)(*client)->first();
  EXPECT_FALSE((*client)->respond(encoded("e=\r\n\x1b[2J" + std::string(1000, 'x'))).has_value());
  EXPECT_TRUE((*client)->server_words().starts_with("\\x0d\\x0a\\x1b[2Jxxx"));
  EXPECT_LT((*client)->server_words().size(), 200U);
}

TEST(Base64, GoesThereAndBack) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    EXPECT_EQ(decoded(encoded(bytes)), bytes);
    bytes += static_cast<char>(i * 7);
  }
  EXPECT_EQ(encoded("f"), "Zg==");
  EXPECT_EQ(encoded("fo"), "Zm8=");
  EXPECT_EQ(encoded("foo"), "Zm9v");
  EXPECT_EQ(base64_decode("Zm9v", 2), std::nullopt);
}

}  // namespace
}  // namespace sendonce::sasl
