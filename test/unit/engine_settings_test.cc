// Accounts as text: what is taken, and that each refusal names the key and what it may be.

#include "engine/settings.hh"

#include <gtest/gtest.h>

namespace sendonce::engine {
namespace {

using smtp::TlsMode;

std::string refusal(const std::string& text) {
  const auto settings = Settings::parse(text);
  EXPECT_FALSE(settings.has_value()) << text;
  return settings ? std::string() : settings.error().message;
}

TEST(Settings, TakesAllKeys) {
  const auto all = Settings::parse(
      "host=mail.example\nport=2525\ntls=none\nuser=joe\nauth=plain login\ntls-host=real.example\n"
      "trust-file=/a\ntrust-file=/b\npriority=SECURE256\nlocal-name=me.example\ntimeout=7\n"
      "chunking=no\npipelining=no\nplain-sign-in=yes\n");
  ASSERT_TRUE(all.has_value()) << all.error().message;
  EXPECT_EQ(all->server(), "mail.example:2525");
  EXPECT_EQ(all->tls, TlsMode::none);
  EXPECT_EQ(all->mechanisms, (std::vector<std::string>{"PLAIN", "LOGIN"}));
  EXPECT_EQ(all->verified_host(), "real.example");
  EXPECT_EQ(all->trust_files.size(), 2U);
  EXPECT_EQ(all->timeout, Seconds(7));
  EXPECT_FALSE(all->chunking || all->pipelining);
  EXPECT_TRUE(all->plain_sign_in);
}

TEST(Settings, AutoLooksAtThePort) {
  EXPECT_EQ(Settings::parse("host=h\nport=465")->tls, TlsMode::implicit);
  EXPECT_EQ(Settings::parse("host=h\nport=587")->tls, TlsMode::starttls);
  EXPECT_EQ(Settings::parse("tls=auto\nhost=h\nport=25")->tls, TlsMode::starttls);
  EXPECT_EQ(Settings::parse("host=h\nport=25\ntls=opportunistic")->tls, TlsMode::opportunistic);
}

TEST(Settings, NamesWhatIsWrong) {
  EXPECT_NE(refusal("port=25").find("host"), std::string::npos);
  EXPECT_NE(refusal("host=h").find("port"), std::string::npos);
  EXPECT_NE(refusal("host=h\nport=0").find("port number"), std::string::npos);
  EXPECT_NE(refusal("host=h\nport=65536").find("65536"), std::string::npos);
  EXPECT_NE(refusal("host=h\nport=25x").find("25x"), std::string::npos);
  EXPECT_NE(refusal("host=h\nport=25\ntls=465").find("implicit"), std::string::npos);
  EXPECT_NE(refusal("host=h\nport=25\ntimeout=never").find("seconds"), std::string::npos);
  EXPECT_NE(refusal("host=h\nport=25\nchunking=maybe").find("yes or no"), std::string::npos);
  EXPECT_NE(refusal("host=h\nport=25\nfrob=1").find("frob"), std::string::npos);
  EXPECT_NE(refusal("host=h\nport=25\nnonsense").find("key=value"), std::string::npos);
  EXPECT_NE(refusal("host=h\nport=25\nlocal-name=a b").find("local name"), std::string::npos);
}

TEST(Settings, HoldsNoPin) {
  EXPECT_NE(refusal("host=h\nport=465\nclient-key=pkcs11:token=t?pin-value=1234\n").find("PIN"),
            std::string::npos);
  EXPECT_NE(refusal("host=h\nport=465\nclient-cert=pkcs11:t?pin-source=file:/p\n").find("PIN"),
            std::string::npos);
}

TEST(Settings, HoldsNoLineBreak) {
  EXPECT_NE(refusal("host=h\r\nport=25").find("host"), std::string::npos);
  EXPECT_NE(refusal("host=h\nport=25\nuser=a\rb").find("user"), std::string::npos);
}

}  // namespace
}  // namespace sendonce::engine
