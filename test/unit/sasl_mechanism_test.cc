// Sign-in mechanisms: which is chosen, and the very bytes each says.

#include "sasl/mechanism.hh"

#include <gtest/gtest.h>

namespace sendonce::sasl {
namespace {

Credentials credentials(std::string user, std::string_view password) {
  return Credentials{std::move(user), Secret(password)};
}

std::unique_ptr<Exchange> begin(const std::string& mechanism) {
  auto exchange = Exchange::begin(mechanism, credentials("tim", "tanstaaftanstaaf"));
  EXPECT_TRUE(exchange.has_value());
  return std::move(*exchange);
}

TEST(Choose, PrefersOurOrderNotTheServers) {
  EXPECT_EQ(choose({{"LOGIN", "PLAIN"}, {}, {}, true}), "PLAIN");
}

TEST(Choose, TakesTheAccountsOrder) {
  EXPECT_EQ(choose({{"LOGIN", "PLAIN"}, {"LOGIN", "PLAIN"}, {}, true}), "LOGIN");
}

TEST(Choose, PassesOverWhatWasTriedOrIsUnknown) {
  EXPECT_EQ(choose({{"X-ODD", "LOGIN", "PLAIN"}, {}, {"PLAIN"}, true}), "LOGIN");
  EXPECT_EQ(choose({{"X-ODD"}, {}, {}, true}), std::nullopt);
  EXPECT_EQ(choose({{"PLAIN"}, {"X-ODD"}, {}, true}), std::nullopt);
}

TEST(Choose, ShowsNoPasswordInTheClear) {
  EXPECT_EQ(choose({{"LOGIN", "PLAIN"}, {}, {}, false}), std::nullopt);
  EXPECT_EQ(choose({{"LOGIN", "PLAIN"}, {"PLAIN"}, {}, false}), std::nullopt);
}

TEST(Plain, SaysTheMessageOfRfc4616) {
  auto exchange = begin("PLAIN");
  auto first = exchange->first();
  ASSERT_TRUE(first.has_value() && first->has_value());
  // NUL tim NUL tanstaaftanstaaf
  EXPECT_EQ((*first)->reveal(), "AHRpbQB0YW5zdGFhZnRhbnN0YWFm");
}

TEST(Plain, TakesUtf8) {
  auto exchange = Exchange::begin("PLAIN", credentials("j\xc3\xbcrgen", "p\xc3\xa4ss"));
  ASSERT_TRUE(exchange.has_value());
  auto first = (*exchange)->first();
  ASSERT_TRUE(first.has_value() && first->has_value());
  EXPECT_EQ((*first)->reveal(), "AGrDvHJnZW4AcMOkc3M=");
}

TEST(Login, LetsTheServerSpeakFirst) {
  auto exchange = begin("LOGIN");
  auto first = exchange->first();
  ASSERT_TRUE(first.has_value());
  EXPECT_FALSE(first->has_value());
  EXPECT_EQ(exchange->respond("VXNlcm5hbWU6")->reveal(), "dGlt");
  EXPECT_EQ(exchange->respond("UGFzc3dvcmQ6")->reveal(), "dGFuc3RhYWZ0YW5zdGFhZg==");
}

TEST(Login, EndsWhereTheServerAsksTooMuch) {
  auto exchange = begin("LOGIN");
  (void)exchange->respond("VXNlcm5hbWU6");
  (void)exchange->respond("UGFzc3dvcmQ6");
  const auto third = exchange->respond("QWdhaW46");
  ASSERT_FALSE(third.has_value());
  EXPECT_EQ(third.error().cause, Cause::auth_failed);
  EXPECT_EQ(third.error().message.find("tanstaaf"), std::string::npos);
}

TEST(Exchange, RefusesWhatItCannotDo) {
  EXPECT_EQ(Exchange::begin("X-ODD", credentials("tim", "x")).error().cause,
            Cause::auth_unavailable);
  EXPECT_EQ(Exchange::begin("PLAIN", credentials("", "x")).error().cause, Cause::bad_argument);
}

}  // namespace
}  // namespace sendonce::sasl
