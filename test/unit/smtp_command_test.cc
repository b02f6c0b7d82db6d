// Commands, and the types that go into them: nothing that could break a command line can be
// expressed.

#include "smtp/command.hh"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sendonce::smtp {
namespace {

Address address(std::string_view text) {
  auto parsed = Address::parse(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed.value_or(Address());
}

bool takes(std::string_view text) { return Address::parse(text).has_value(); }

/// One line: CRLF at its end, and no CR, LF or NUL before.
bool is_one_line(std::string_view line) {
  return line.size() >= 2 && line.substr(line.size() - 2) == "\r\n" &&
         line.substr(0, line.size() - 2).find_first_of(std::string_view("\r\n\0", 3)) ==
             std::string_view::npos;
}

std::string utf8_of(char32_t scalar) {
  std::string out;
  const auto add = [&](char32_t byte) {
    out += static_cast<char>(static_cast<unsigned char>(byte));
  };
  if (scalar < 0x80) {
    add(scalar);
  } else if (scalar < 0x800) {
    add(0xC0 | (scalar >> 6U)), add(0x80 | (scalar & 0x3FU));
  } else if (scalar < 0x10000) {
    add(0xE0 | (scalar >> 12U)), add(0x80 | ((scalar >> 6U) & 0x3FU)), add(0x80 | (scalar & 0x3FU));
  } else {
    add(0xF0 | (scalar >> 18U)), add(0x80 | ((scalar >> 12U) & 0x3FU));
    add(0x80 | ((scalar >> 6U) & 0x3FU)), add(0x80 | (scalar & 0x3FU));
  }
  return out;
}

TEST(Command, SaysTheBytes) {
  EXPECT_EQ(command::ehlo(*LocalName::parse("me.example")), "EHLO me.example\r\n");
  EXPECT_EQ(command::helo(LocalName()), "HELO [127.0.0.1]\r\n");
  EXPECT_EQ(command::mail(Address(), {}), "MAIL FROM:<>\r\n");
  EXPECT_EQ(command::mail(address("a@b.c"), {12, true, true}),
            "MAIL FROM:<a@b.c> SIZE=12 BODY=8BITMIME SMTPUTF8\r\n");
  EXPECT_EQ(command::rcpt(address("\"a b\"@c.d")), "RCPT TO:<\"a b\"@c.d>\r\n");
  EXPECT_EQ(command::bdat(0, true), "BDAT 0 LAST\r\n");
  EXPECT_EQ(command::bdat(86000, false), "BDAT 86000\r\n");
  EXPECT_EQ(command::starttls() + command::data() + command::rset() + command::quit() +
                command::auth_abort(),
            "STARTTLS\r\nDATA\r\nRSET\r\nQUIT\r\n*\r\n");
}

TEST(Command, TellsAbsentFromEmptyInitialResponse) {
  const auto plain = *MechanismName::parse("plain");
  EXPECT_EQ(command::auth(plain, std::nullopt).reveal(), "AUTH PLAIN\r\n");
  EXPECT_EQ(command::auth(plain, Secret()).reveal(), "AUTH PLAIN =\r\n");
  EXPECT_EQ(command::auth(plain, Secret("AGE=")).reveal(), "AUTH PLAIN AGE=\r\n");
  EXPECT_EQ(command::auth_response(Secret("AGE=")).reveal(), "AGE=\r\n");
}

TEST(Address, TakesWhatPeopleHave) {
  for (const char* text :
       {"a@b.c", "root", "a..b.@docomo.example", "o'hara+tag@b.c", "\"a b\"@c.d", "\"a\\\"b>\"@c.d",
        "a@[192.0.2.1]", "a@[IPv6:2001:db8::1]", "a@under_score.example",
        "\xe7\x94\xb0\xe4\xb8\xad@\xe4\xbe\x8b\xe3\x81\x88.jp"}) {
    EXPECT_TRUE(takes(text)) << text;
  }
}

TEST(Address, RefusesWhatBreaksACommand) {
  for (const char* text : {"", "@b.c", "a@", "a@b..c", "a@.b", "a@b.", "a b@c.d", "a>@b.c",
                           "a@b.c> SIZE=1", "a@b.c,d@e.f", "\"a@b.c", "a@[", "a@[]", "a@[x]y",
                           "<a@b.c>", "a@b@c", "a@b.c\xff", "a@b.c\xed\xa0\x80"}) {
    EXPECT_FALSE(takes(text)) << text;
  }
  EXPECT_FALSE(takes(std::string(2000, 'a') + "@b.c"));
}

/// Every byte, in every part of an address: taken only if the line stays one line with one
/// argument.
TEST(Address, WithstandsEveryByteEverywhere) {
  const std::vector<std::pair<std::string, std::string>> places = {
      {"a", "b@c.d"}, {"\"a", "b\"@c.d"}, {"a@c", "d.e"},
      {"a@[1", "2]"}, {"", "a@c.d"},      {"a@c.d", ""}};
  for (const auto& [before, after] : places) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string text = before;
      text += static_cast<char>(byte);
      text += after;
      const auto parsed = Address::parse(text);
      if (!parsed) continue;
      const std::string line = command::rcpt(*parsed);
      EXPECT_TRUE(is_one_line(line)) << byte;
      const bool quoted = parsed->text().front() == '"';
      if (!quoted) {
        EXPECT_EQ(line.find_first_of(" >", 9), line.size() - 3) << line;
      }
    }
  }
}

/// Characters whose low byte is CR, LF, NUL or space must not become these (U+760D and its like).
TEST(Address, NarrowsNoCharacter) {
  for (char32_t scalar = 0x100; scalar < 0x110000; ++scalar) {
    const char32_t low = scalar & 0xFFU;
    if ((low != 0 && low != 10 && low != 13 && low != 32) || (scalar >= 0xD800 && scalar < 0xE000))
      continue;
    const std::string text = "a" + utf8_of(scalar) + "b@c.d";
    const auto parsed = Address::parse(text);
    ASSERT_TRUE(parsed.has_value()) << text;
    ASSERT_EQ(command::rcpt(*parsed), "RCPT TO:<" + text + ">\r\n");
  }
}

TEST(LocalName, IsADomainOrALiteral) {
  for (const char* text : {"localhost", "a.b-c.example", "[127.0.0.1]", "[IPv6:::1]"}) {
    EXPECT_TRUE(LocalName::parse(text).has_value()) << text;
  }
  for (int byte = 0; byte < 256; ++byte) {
    const auto parsed = LocalName::parse(std::string("a") + static_cast<char>(byte) + "b");
    if (parsed) {
      EXPECT_TRUE(is_one_line(command::ehlo(*parsed)) && command::ehlo(*parsed).find(' ') == 4)
          << byte;
    }
  }
  for (const char* text : {"", "a b", "a..b", "[a", "\xc3\xa4.de", "a\r\nMAIL"})
    EXPECT_FALSE(LocalName::parse(text)) << text;
}

/// What has to be refused in each place, whatever else is taken: the octets that end a command, an
/// argument or a path.
TEST(Address, RefusesTheOctetsThatEndThings) {
  for (const char octet : {'\0', '\r', '\n', '\t', '\x7f', '\x1b'}) {
    for (const char* before : {"", "a", "\"a", "\"a\\", "a@b", "a@[1", "a@b.c"}) {
      for (const char* after : {"", "b@c.d", "b\"@c.d", ".d", "2]"}) {
        EXPECT_FALSE(takes(before + std::string(1, octet) + after)) << before << "|" << after;
      }
    }
  }
  for (const char octet : {' ', '>', '<', ',', ';', '(', ')', '"', '\\'}) {
    for (const char* before : {"a", "a@b", "a@[1", "a@b.c"}) {
      EXPECT_FALSE(takes(before + std::string(1, octet) + "2")) << before << octet;
    }
  }
}

/// All characters of Unicode, in each part: refused, or said as they are.
TEST(Address, SaysEveryCharacterAsItIsOrNotAtAll) {
  for (char32_t scalar = 0; scalar < 0x110000; scalar += scalar < 0x3100 ? 1 : 257) {
    if (scalar >= 0xD800 && scalar < 0xE000) continue;
    for (const auto& [before, after] : {std::pair("a", "@c.d"), std::pair("\"a", "b\"@c.d"),
                                        std::pair("a@b", ".d"), std::pair("a@[", "]")}) {
      const std::string text = before + utf8_of(scalar) + after;
      const auto parsed = Address::parse(text);
      if (!parsed) continue;
      ASSERT_EQ(command::rcpt(*parsed), "RCPT TO:<" + text + ">\r\n");
      ASSERT_TRUE(is_one_line(command::mail(*parsed, {})));
    }
  }
}

TEST(MechanismName, WithstandsEveryOctet) {
  for (int byte = 0; byte < 256; ++byte) {
    const auto parsed = MechanismName::parse("A" + std::string(1, static_cast<char>(byte)));
    if (!parsed) continue;
    const Secret line = command::auth(*parsed, std::nullopt);
    EXPECT_TRUE(is_one_line(line.reveal())) << byte;
    EXPECT_EQ(line.reveal().size(), std::string_view("AUTH Ax\r\n").size());
    EXPECT_EQ(line.reveal().rfind(' '), 4U);
  }
}

TEST(MechanismName, IsUpperCaseAndShort) {
  EXPECT_EQ(MechanismName::parse("scram-sha-256-plus")->text(), "SCRAM-SHA-256-PLUS");
  for (const char* text : {"", "A B", "A\r\nB", "TWENTY-ONE-CHARACTERS"})
    EXPECT_FALSE(MechanismName::parse(text)) << text;
}

}  // namespace
}  // namespace sendonce::smtp
