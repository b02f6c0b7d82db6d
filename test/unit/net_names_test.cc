// The names of RFC 9525: how a host is compared, and what a dNSName matches.

#include <gtest/gtest.h>

#include "net/host_name.hh"
#include "net/tls_names.hh"

namespace sendonce::net {
namespace {

std::string comparable(const std::string& host) {
  const auto made = comparable_host(host);
  return made ? *made : "error: " + std::string(cause_name(made.error().cause));
}

TEST(NetNames, ComparableHosts) {
  EXPECT_EQ(comparable("Mail.Example.ORG"), "mail.example.org");
  EXPECT_EQ(comparable("mail.example.org."), "mail.example.org");
  EXPECT_EQ(comparable("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(comparable("[2001:db8::1]"), "2001:db8::1");
  EXPECT_EQ(comparable("bücher.example"), "xn--bcher-kva.example");
  EXPECT_EQ(comparable("BÜCHER.example"), "xn--bcher-kva.example");
  EXPECT_EQ(comparable("straße.example"), "xn--strae-oqa.example");
  EXPECT_EQ(comparable("xn--bcher-kva.example"), "xn--bcher-kva.example");
}

TEST(NetNames, HostsThatAreNone) {
  for (const std::string& host :
       {std::string(), std::string("a\0b", 3), std::string("b\xfc.example"),
        std::string("\xe2\x80\x8b.example")})
    EXPECT_EQ(comparable(host), "error: bad-argument") << host;
}

std::string encoded(const std::string& domain) {
  const auto made = mail_domain(domain);
  return made ? *made : "error: " + std::string(cause_name(made.error().cause));
}

TEST(NetNames, MailDomains) {
  EXPECT_EQ(encoded("Example.ORG"), "Example.ORG");
  EXPECT_EQ(encoded("BÜCHER.example"), "xn--bcher-kva.example");
  EXPECT_EQ(encoded("faß.example"), "xn--fa-hia.example");
  EXPECT_EQ(encoded("例え。テスト"), "xn--r8jz45g.xn--zckzah");
  EXPECT_EQ(encoded("ｅｘａｍｐｌｅ.com"), "example.com");
  for (const std::string& domain :
       {std::string(), std::string("a\0b", 3), std::string("b\xfc.example"),
        std::string("☃.example"), std::string("ü..example"), std::string("ü@x.example")})
    EXPECT_EQ(encoded(domain), "error: bad-argument") << domain;
}

TEST(NetNames, Matches) {
  EXPECT_TRUE(matches_name("mail.example.org", "mail.example.org"));
  EXPECT_TRUE(matches_name("MAIL.example.org", "mail.example.org"));
  EXPECT_TRUE(matches_name("*.example.org", "mail.example.org"));
  EXPECT_TRUE(matches_name("*.example.org", "xn--bcher-kva.example.org"));
  EXPECT_TRUE(matches_name("localhost", "localhost"));
  EXPECT_TRUE(matches_name("under_score.example", "under_score.example"));
}

TEST(NetNames, Mismatches) {
  for (const char* const pattern : {"",
                                    ".",
                                    "*",
                                    "*.",
                                    "*.org",
                                    "*.*.org",
                                    "*.*.example.org",
                                    "m*.example.org",
                                    "*l.example.org",
                                    "mail.*.org",
                                    "mail.example.*",
                                    "*mail.example.org",
                                    ".example.org",
                                    "mail.example.org.",
                                    "mail.example.org ",
                                    " mail.example.org",
                                    "mail..example.org",
                                    "example.org",
                                    "a.mail.example.org",
                                    "*.mail.example.org",
                                    "xmail.example.org"})
    EXPECT_FALSE(matches_name(pattern, "mail.example.org")) << pattern;
  EXPECT_FALSE(matches_name(std::string_view("mail.example.org\0.evil", 22), "mail.example.org"));
}

TEST(NetNames, WildcardStandsForOneLabel) {
  EXPECT_FALSE(matches_name("*.example.org", "example.org"));
  EXPECT_FALSE(matches_name("*.example.org", "a.b.example.org"));
  EXPECT_FALSE(matches_name("*.example.org", ".example.org"));
  EXPECT_FALSE(matches_name("xn--*.example.org", "xn--bcher-kva.example.org"));
}

}  // namespace
}  // namespace sendonce::net
