// Injection: every name that goes into a command, with every octet and with the characters that a
// careless narrowing would turn into CR, LF, NUL or space, through a whole session.
//
// The oracle is literal: what the session gave to the line is the commands that are expected, each
// ended by CRLF, and nothing else.  A name is refused, with an error that says which, or said as
// is.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/text.hh"
#include "smtp_driver.hh"

namespace sendonce::smtp {
namespace {

/// The names of one session.
struct Names {
  std::string local_name = "here.example";
  std::string mechanism = "PLAIN";
  std::string sender = "s@x.y";
  std::vector<std::string> recipients = {"r@x.y"};
};

/// All that a session says that is given NAMES; nullopt where one of them is refused.
std::optional<std::string> said(const Names& names) {
  const auto local_name = LocalName::parse(names.local_name);
  const auto mechanism = MechanismName::parse(names.mechanism);
  const auto sender = Address::parse(names.sender);
  if (!local_name || !mechanism || !sender) return std::nullopt;
  Envelope envelope{*sender, {}, examine_body("A: b\r\n")};
  for (const std::string& name : names.recipients) {
    const auto recipient = Address::parse(name);
    if (!recipient) return std::nullopt;
    envelope.recipients.push_back(*recipient);
  }
  Session session({*local_name, TlsMode::none, true, true, false});
  const std::vector<std::string> replies = {
      greeting,
      "250-me\r\n250-SMTPUTF8\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n",
      "235 ok\r\n",
      ok,
      ok,
      ok,
      ok};
  std::size_t reply = 0;
  std::string wire;
  for (int steps = 0; steps < 100; ++steps) {
    Output output = session.next();
    if (const auto* send = std::get_if<Send>(&output)) {
      wire += send->bytes;
      session.sent(send->bytes.size());
      if (send->bytes == "DATA\r\n") return wire;
    } else if (const auto* secret = std::get_if<SendSecret>(&output)) {
      wire += secret->bytes.reveal();
      EXPECT_EQ(secret->shown.find_first_of("\r\n"), std::string::npos);
      session.sent(secret->bytes.size());
    } else if (std::holds_alternative<NeedInput>(output)) {
      session.receive(replies.at(reply++));
    } else if (std::holds_alternative<NeedSignIn>(output)) {
      session.authenticate(*mechanism, std::nullopt);
    } else if (std::holds_alternative<Ready>(output)) {
      session.begin(envelope);
    } else if (std::holds_alternative<Ended>(output)) {
      break;
    }
  }
  ADD_FAILURE() << "the session does not get to DATA: " << wire;
  return wire;
}

bool is_international(const Names& names) {
  auto beyond = [](unsigned char c) { return c >= 128; };
  bool any = std::any_of(names.sender.begin(), names.sender.end(), beyond);
  for (const std::string& name : names.recipients)
    any = any || std::any_of(name.begin(), name.end(), beyond);
  return any;
}

std::string expected(const Names& names) {
  std::string wire = "EHLO " + names.local_name + "\r\nAUTH " + ascii_upper(names.mechanism) +
                     "\r\nMAIL FROM:<" + names.sender + ">" +
                     (is_international(names) ? " SMTPUTF8" : "") + "\r\n";
  for (const std::string& name : names.recipients) wire += "RCPT TO:<" + name + ">\r\n";
  return wire + "DATA\r\n";
}

/// One name of a session, and what a good one looks like: places to put something into it.
struct Field {
  const char* what;
  std::string& (*of)(Names&);
  std::vector<std::string> good;
};

const std::vector<Field>& fields() {
  static const std::vector<Field> all = {
      {"local name",
       [](Names& n) -> std::string& { return n.local_name; },
       {"here.example", "[127.0.0.1]", "[IPv6:::1]"}},
      {"mechanism", [](Names& n) -> std::string& { return n.mechanism; }, {"PLAIN"}},
      {"address",
       [](Names& n) -> std::string& { return n.sender; },
       {"ab@c.d", "\"a b\"@c.d", "a@[192.0.2.1]", "root"}},
      {"address",
       [](Names& n) -> std::string& { return n.recipients.front(); },
       {"ab@c.d", "\"a b\"@c.d", "a@[192.0.2.1]", "root"}},
  };
  return all;
}

/// Does TEXT hold what must never be taken, wherever it stands?
bool is_deadly(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 32 || c == 127) return true;
  }
  return false;
}

/// NAMES are refused as a whole, or said as they are.
void expect_refused_or_said(const Names& names, const std::string& text) {
  const auto wire = said(names);
  if (wire) {
    ASSERT_EQ(*wire, expected(names));
  }
  if (is_deadly(text)) {
    ASSERT_FALSE(wire.has_value()) << printable(text);
  }
}

void inject(const std::string& piece) {
  for (const Field& field : fields()) {
    for (const std::string& good : field.good) {
      for (std::size_t at = 0; at <= good.size(); ++at) {
        Names names;
        std::string& name = field.of(names);
        name = good.substr(0, at) + piece + good.substr(at);
        expect_refused_or_said(names, std::string(name));
      }
    }
  }
}

TEST(Injection, GoodNamesAreSaid) {
  EXPECT_EQ(said(Names{}), expected(Names{}));
  Names international;
  international.recipients = {"r@x.y", "\xc3\xa4@x.y"};
  EXPECT_EQ(said(international), expected(international));
}

TEST(Injection, EveryOctetAtEveryPlaceOfEveryName) {
  for (int octet = 0; octet < 256; ++octet) {
    inject(std::string(1, static_cast<char>(static_cast<unsigned char>(octet))));
    if (HasFatalFailure()) return;
  }
}

TEST(Injection, WholeCommandsAtEveryPlace) {
  for (const char* piece :
       {"\r\nRSET\r\n", "\nRCPT TO:<e@f.g>\n", "> SIZE=1", ">\r\nDATA\r\n.\r\n", "\r", "\n", "\r\n",
        "\r\r\n", " NOTIFY=NEVER", "\"\r\n", "\\\r\n", "\xc0\x8a", "\xe0\x80\x8d", "\xff\n"}) {
    inject(piece);
    if (HasFatalFailure()) return;
  }
}

std::string utf8_of(char32_t scalar) {
  std::string text;
  const auto put = [&](char32_t bits) {
    text += static_cast<char>(static_cast<unsigned char>(bits));
  };
  if (scalar < 0x800) {
    put(0xC0U | scalar >> 6U);
  } else if (scalar < 0x10000) {
    put(0xE0U | scalar >> 12U);
    put(0x80U | (scalar >> 6U & 0x3FU));
  } else {
    put(0xF0U | scalar >> 18U);
    put(0x80U | (scalar >> 12U & 0x3FU));
    put(0x80U | (scalar >> 6U & 0x3FU));
  }
  put(0x80U | (scalar & 0x3FU));
  return text;
}

// U+010D, U+020A, ... U+10FF20: narrowed to an octet they would be CR, LF, NUL or space.  At start,
// middle and end of each name.
TEST(Injection, EveryCharacterWhoseLowOctetIsAControl) {
  int taken = 0;
  constexpr std::array<char32_t, 4> low = {0x0D, 0x0A, 0x00, 0x20};
  for (char32_t high = 1; high <= 0x10FF; ++high) {
    if (high >= 0xD8 && high <= 0xDF) continue;  // surrogates are no characters
    for (const char32_t octet : low) {
      const std::string piece = utf8_of(high << 8U | octet);
      for (const Field& field : fields()) {
        const std::string& good = field.good.front();
        for (const std::size_t at : {std::size_t{0}, good.size() / 2, good.size()}) {
          Names names;
          field.of(names) = good.substr(0, at) + piece + good.substr(at);
          const auto wire = said(names);
          if (!wire) continue;
          ++taken;
          ASSERT_EQ(*wire, expected(names));
        }
      }
    }
  }
  EXPECT_GT(taken, 10000) << "UTF-8 is part of addresses";
}

// The refusal is for people: it says which name, and quotes it without what made it bad.
TEST(Injection, TheErrorNamesTheField) {
  const std::vector<std::pair<std::string, std::string>> errors = {
      {"address", Address::parse("a\r\nb@c.d").error().message},
      {"local name", LocalName::parse("a\r\nb").error().message},
      {"mechanism", MechanismName::parse("A\r\nB").error().message}};
  for (const auto& [what, message] : errors) {
    EXPECT_NE(message.find(what), std::string::npos) << message;
    EXPECT_NE(message.find("\\x0d\\x0a"), std::string::npos) << message;
    EXPECT_FALSE(is_deadly(message)) << message;
  }
}

// Numbers and flags of MAIL come from the message and from what the server offers, never as text.
TEST(Injection, NoCapabilityIsSaidBack) {
  Driver driver(plain_options());
  driver.converse({greeting, "250-me\r\n250-SIZE 99\rRSET\r\n250 AUTH X\x01\r\n"});
  EXPECT_EQ(driver.said(), "EHLO [127.0.0.1]\r\n");
  ASSERT_TRUE(driver.ended && driver.ended->error);
  EXPECT_EQ(driver.ended->error->cause, Cause::protocol);
}

// What the server says in a challenge or a capability does not come back on the wire unasked.
TEST(Injection, AnUnknownMechanismIsNotNamed) {
  const auto all = Capabilities::parse(Reply{250, {"me", "AUTH A/B C\x7f D;E PLAIN \xc3\xa4"}});
  EXPECT_EQ(all.mechanisms, (std::vector<std::string>{"PLAIN"}));
}

}  // namespace
}  // namespace sendonce::smtp
