// XOAUTH2 and OAUTHBEARER: the bytes of the documents, and the server's reasons.

#include <gtest/gtest.h>

#include "sasl/exchange.hh"
#include "sasl/flat_json.hh"
#include "sasl_support.hh"

namespace sendonce::sasl {
namespace {

using test::credentials;
using test::decoded;
using test::encoded;

constexpr const char* token = "vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg==";

std::unique_ptr<Exchange> begin(const std::string& mechanism, Credentials who) {
  auto exchange = Exchange::begin(mechanism, who);
  EXPECT_TRUE(exchange.has_value());
  return std::move(*exchange);
}

// Google's "SASL XOAUTH2 Mechanism", its example.
TEST(Xoauth2, SaysItsMessage) {
  const auto exchange = begin("XOAUTH2", credentials("someuser@example.com", token));
  EXPECT_FALSE(exchange->complete());
  const auto first = exchange->first();
  ASSERT_TRUE(first.has_value() && first->has_value());
  EXPECT_EQ(decoded((*first)->reveal()), std::string("user=someuser@example.com\x01"
                                                     "auth=Bearer ") +
                                             token + "\x01\x01");
  EXPECT_EQ((*first)->reveal(),
            "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB2RjlkZnQ0cW1UYzJOdmIzUmxja0JoZEhSa"
            "GRtbHpkR0V1WTI5dENnPT0BAQ==");
  EXPECT_TRUE(exchange->complete());
  EXPECT_EQ(exchange->server_words(), "");
}

TEST(Xoauth2, AnswersARefusalWithNothing) {
  const auto exchange = begin("XOAUTH2", credentials("joe", token));
  (void)exchange->first();
  const auto word = exchange->respond(
      encoded(R"({"status":"400","schemes":"bearer","scope":"https://mail.google.com/"})"));
  ASSERT_TRUE(word.has_value());
  EXPECT_TRUE(word->empty());
  EXPECT_FALSE(exchange->complete());
  EXPECT_EQ(exchange->server_words(), "status 400, scope https://mail.google.com/, schemes bearer");
  EXPECT_EQ(exchange->respond("e30=").error().cause, Cause::auth_failed);
}

// RFC 7628 section 4.1 (its user, host, port and token).
TEST(Oauthbearer, SaysItsMessage) {
  Credentials who = credentials("user@example.com", token);
  who.host = "server.example.com";
  who.port = 143;
  const auto exchange = begin("OAUTHBEARER", std::move(who));
  const auto first = exchange->first();
  EXPECT_EQ(decoded((*first)->reveal()),
            std::string("n,a=user@example.com,\x01host=server.example.com\x01port=143\x01"
                        "auth=Bearer ") +
                token + "\x01\x01");
}

TEST(Oauthbearer, EscapesTheUser) {
  const auto exchange = begin("OAUTHBEARER", credentials("a,b=c", "t"));
  EXPECT_TRUE(decoded((*exchange->first())->reveal()).starts_with("n,a=a=2Cb=3Dc,\x01"));
}

// RFC 7628 section 4.3.
TEST(Oauthbearer, AnswersARefusalWithTheSeparator) {
  const auto exchange = begin("OAUTHBEARER", credentials("joe", token));
  (void)exchange->first();
  const auto word = exchange->respond(
      "eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJleGFtcGxlX3Njb3BlIiwib3BlbmlkLWNvbmZpZ3Vy"
      "YXRpb24iOiJodHRwczovL2V4YW1wbGUuY29tLy53ZWxsLWtub3duL29wZW5pZC1jb25maWd1cmF0aW9uIn0=");
  ASSERT_TRUE(word.has_value());
  EXPECT_EQ(word->reveal(), "AQ==");
  EXPECT_EQ(exchange->server_words(),
            "status invalid_token, scope example_scope, openid-configuration "
            "https://example.com/.well-known/openid-configuration");
}

class Oauth : public ::testing::TestWithParam<const char*> {
 protected:
  static std::string words(const std::string& challenge) {
    const auto exchange = begin(GetParam(), credentials("joe", token));
    (void)exchange->first();
    (void)exchange->respond(encoded(challenge));
    return exchange->server_words();
  }
};

TEST_P(Oauth, TakesNoControlCharacters) {
  using namespace std::string_literals;
  for (const std::string& bad : {"a\x01"
                                 "b"s,
                                 "a\rb"s, "a\nb"s, "a\0b"s, "a\x7f"s}) {
    EXPECT_EQ(Exchange::begin(GetParam(), credentials(bad, "t")).error().cause,
              Cause::bad_argument);
    EXPECT_EQ(Exchange::begin(GetParam(), credentials("joe", bad)).error().cause,
              Cause::bad_argument);
  }
  EXPECT_EQ(Exchange::begin(GetParam(), credentials("joe", "")).error().cause, Cause::bad_argument);
  EXPECT_EQ(Exchange::begin(GetParam(), credentials("", "t")).error().cause, Cause::bad_argument);
}

TEST_P(Oauth, TellsWhatTheServerSaidAsItCan) {
  EXPECT_EQ(words("{ \"status\" : 401 ,\"other\":true, \"scope\":\"\" }"), "status 401");
  EXPECT_EQ(words("{\"status\":\"a\\\"b\"}"), "status a\"b");
  EXPECT_EQ(words("no JSON\n"), "no JSON\\x0a");
  EXPECT_EQ(words(""), "");
}

TEST_P(Oauth, DoesNotRepeatTheToken) {
  EXPECT_EQ(words(std::string("{\"status\":\"bad ") + token + "\"}"), "");
}

INSTANTIATE_TEST_SUITE_P(Mechanisms, Oauth, ::testing::Values("XOAUTH2", "OAUTHBEARER"));

TEST(FlatMembers, AreReadAsFarAsTheyGo) {
  EXPECT_EQ(flat_members(R"({"a":"b","c":1})"), (Members{{"a", "b"}, {"c", "1"}}));
  EXPECT_EQ(flat_members(R"({"a":"b","c":{"d":"e"}})"), (Members{{"a", "b"}}));
  for (const char* broken : {"", "{", "{\"", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":\"",
                             "{\"a\":\"\\", "[]", "{\"a\":[1]}"})
    EXPECT_TRUE(flat_members(broken).empty()) << broken;
  std::string many = "{";
  for (int i = 0; i < 1000; ++i) many += "\"a\":\"b\",";
  EXPECT_EQ(flat_members(many).size(), 16U);
}

}  // namespace
}  // namespace sendonce::sasl
