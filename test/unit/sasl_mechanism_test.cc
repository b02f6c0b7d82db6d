// Which mechanism is chosen, and what is known of each.

#include "sasl/mechanism.hh"

#include <gtest/gtest.h>

#include <algorithm>

namespace sendonce::sasl {
namespace {

using Names = std::vector<std::string>;

/// All is there to be had, under TLS.
Choice anything(Names offered = known_mechanisms()) {
  std::reverse(offered.begin(), offered.end());
  return {.offered = std::move(offered),
          .wanted = {},
          .tried = {},
          .plain_text_allowed = true,
          .certificate = true,
          .binding = true};
}

/// What is chosen time and again, each failing.
Names all_choices(Choice choice) {
  while (const auto next = choose(choice)) choice.tried.push_back(*next);
  return choice.tried;
}

TEST(Choose, TakesOurOrderNotTheServers) {
  EXPECT_EQ(all_choices(anything()),
            (Names{"EXTERNAL", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256",
                   "SCRAM-SHA-1", "PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "NTLM", "GSSAPI"}));
}

TEST(Choose, TakesTheAccountsOrder) {
  Choice choice = anything();
  choice.wanted = {"LOGIN", "GSSAPI", "SCRAM-SHA-1"};
  EXPECT_EQ(all_choices(choice), choice.wanted);
}

TEST(Choose, KnowsNamesInAnyCase) {
  Choice choice = anything({"cram-MD5", "Plain"});
  choice.wanted = {"pLAIN", "Cram-md5"};
  EXPECT_EQ(all_choices(choice), (Names{"PLAIN", "CRAM-MD5"}));
  choice.tried = {"plain"};
  EXPECT_EQ(choose(choice), "CRAM-MD5");
}

TEST(Choose, PassesOverWhatItDoesNotKnow) {
  EXPECT_EQ(all_choices(anything({"X-ODD", "LOGIN"})), Names{"LOGIN"});
  EXPECT_EQ(choose(anything({"X-ODD"})), std::nullopt);
  EXPECT_EQ(choose(anything({})), std::nullopt);
  Choice choice = anything({"PLAIN", "X-ODD"});
  choice.wanted = {"X-ODD"};
  EXPECT_EQ(choose(choice), std::nullopt);
}

TEST(Choose, ShowsNoPasswordInTheClear) {
  Choice choice = anything();
  choice.plain_text_allowed = false;
  EXPECT_EQ(all_choices(choice),
            (Names{"EXTERNAL", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256",
                   "SCRAM-SHA-1", "CRAM-MD5", "DIGEST-MD5", "NTLM", "GSSAPI"}));
  choice.wanted = {"PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"};
  EXPECT_EQ(choose(choice), std::nullopt);
}

TEST(Choose, TakesExternalOnlyWithACertificate) {
  Choice choice = anything({"EXTERNAL", "PLAIN"});
  choice.certificate = false;
  EXPECT_EQ(choose(choice), "PLAIN");
  choice.wanted = {"EXTERNAL"};
  EXPECT_EQ(choose(choice), std::nullopt);
}

TEST(Choose, BindsOnlyWithABinding) {
  Choice choice = anything({"SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"});
  choice.binding = false;
  EXPECT_EQ(all_choices(choice), Names{"SCRAM-SHA-256"});
  choice.wanted = {"SCRAM-SHA-256-PLUS"};
  EXPECT_EQ(choose(choice), std::nullopt);
}

TEST(Choose, DoesNotBindWhereTheAccountNamesThePlainVariant) {
  Choice choice = anything();
  choice.wanted = {"scram-sha-256"};
  EXPECT_EQ(all_choices(choice), Names{"SCRAM-SHA-256"});
}

TEST(Choose, SendsATokenOnlyWhereTheAccountSaysSo) {
  Choice choice = anything({"XOAUTH2", "OAUTHBEARER"});
  EXPECT_EQ(choose(choice), std::nullopt);
  choice.wanted = {"XOAUTH2"};
  EXPECT_EQ(all_choices(choice), Names{"XOAUTH2"});
}

TEST(Needs, AreKnown) {
  EXPECT_EQ(needs("PLAIN"), Needs::password);
  EXPECT_EQ(needs("scram-sha-256-plus"), Needs::password);
  EXPECT_EQ(needs("XOAUTH2"), Needs::token);
  EXPECT_EQ(needs("OAUTHBEARER"), Needs::token);
  EXPECT_EQ(needs("EXTERNAL"), Needs::nothing);
  EXPECT_EQ(needs("gssapi"), Needs::nothing);
  EXPECT_EQ(needs("X-ODD"), Needs::password);
}

TEST(Strength, TellsADowngrade) {
  const Names rising = {"X-ODD",
                        "PLAIN",
                        "NTLM",
                        "CRAM-MD5",
                        "DIGEST-MD5",
                        "SCRAM-SHA-1",
                        "SCRAM-SHA-256",
                        "SCRAM-SHA-1-PLUS",
                        "SCRAM-SHA-256-PLUS"};
  for (std::size_t i = 1; i < rising.size(); ++i)
    EXPECT_LT(strength(rising[i - 1]), strength(rising[i])) << rising[i];
  EXPECT_EQ(strength("X-ODD"), 0);
  EXPECT_EQ(strength("plain"), strength("LOGIN"));
}

TEST(StoredHash, IsWhatARefusalMayBeDueTo) {
  for (const char* name : {"SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS",
                           "CRAM-MD5", "DIGEST-MD5", "ntlm"})
    EXPECT_TRUE(checks_stored_hash(name)) << name;
  for (const char* name :
       {"PLAIN", "LOGIN", "EXTERNAL", "GSSAPI", "XOAUTH2", "OAUTHBEARER", "X-ODD"})
    EXPECT_FALSE(checks_stored_hash(name)) << name;
}

}  // namespace
}  // namespace sendonce::sasl
