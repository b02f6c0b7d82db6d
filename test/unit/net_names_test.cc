// The names of RFC 9525: how a host is compared, and what a dNSName matches.

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <utility>

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

std::string mail(const std::string& domain) {
  const auto made = mail_domain(domain);
  return made ? *made : made.error().message;
}

TEST(NetNames, MailDomains) {
  EXPECT_EQ(mail("Example.ORG"), "Example.ORG");
  EXPECT_EQ(mail("xn--bcher-kva.example"), "xn--bcher-kva.example");
  EXPECT_EQ(mail("xn--no-such-label-0.example"), "xn--no-such-label-0.example");
  EXPECT_EQ(mail("under_score.example"), "under_score.example");
  EXPECT_EQ(mail("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(mail("Bücher.Example"), "xn--bcher-kva.example");
  EXPECT_EQ(mail("bu\u0308cher.example"), "xn--bcher-kva.example");
  EXPECT_EQ(mail("straße.example"), "xn--strae-oqa.example");
  EXPECT_EQ(mail("βόλος.example"), "xn--nxasmm1c.example");
  EXPECT_EQ(mail("例え。テスト"), "xn--r8jz45g.xn--zckzah");
  EXPECT_EQ(mail("ｅｘａｍｐｌｅ．ｏｒｇ"), "example.org");
  EXPECT_EQ(mail("مثال.إختبار"), "xn--mgbh0fb.xn--kgbechtv");
  EXPECT_EQ(mail("_tag.bücher.example"), "_tag.xn--bcher-kva.example");
}

TEST(NetNames, MailDomainsThatAreNoneAreNamed) {
  const std::string label(64, 'a');
  for (const auto& [domain, named] : std::initializer_list<std::pair<std::string, std::string>>{
           {"", "\"\" is no domain: it is empty"},
           {".example", "\".example\" is no domain: it begins or ends with a dot"},
           {"bücher.example.", "\"bücher.example.\" is no domain: it begins or ends with a dot"},
           {"a..example", "\"a..example\" is no domain: two dots follow each other"},
           {"a b.example",
            "\"a b.example\" is no domain: it has a character that no domain may have"},
           {"[192.0.2.1]", "\"[192.0.2.1]\" is no domain: it has a character"},
           {"a\r\nb", "\"a\\x0d\\x0ab\" is no domain: it has a control character"},
           {std::string("ü\0b", 4), "it has a control character"},
           {"b\xfc.example", "\"b\\xfc.example\" is no domain: it is not valid UTF-8"},
           {"bücher..example", "\"bücher..example\" is no domain: "},
           {"ü<b>.example", "\"ü<b>.example\" is no domain: "},
           {"ü b.example", "\"ü b.example\" is no domain: "},
           {"-ü.example", "\"-ü.example\" is no domain: "},
           {"ü" + label + ".example", "is no domain: "},
           {"אa.example", "\"אa.example\" is no domain: "},
           {"ü.xn--no-such-label-0", "\"ü.xn--no-such-label-0\" is no domain: "},
           {"b\u2028ü.example", "is no domain: "}}) {
    const auto made = mail_domain(domain);
    ASSERT_FALSE(made) << domain << " became " << *made;
    EXPECT_EQ(made.error().cause, Cause::bad_argument);
    EXPECT_NE(made.error().message.find(named), std::string::npos) << made.error().message;
  }
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
