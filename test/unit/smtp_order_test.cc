// What must come after what: the barrier before the commit point, a reply after its command, TLS
// after all clear text, and nothing after the end.

#include "smtp/session.hh"
#include "smtp_driver.hh"

namespace sendonce::smtp {
namespace {

const std::string chunking_ehlo = "250-me\r\n250 CHUNKING\r\n";
const Error cut = {Cause::connection_lost, Phase::none, "cut", ""};

SessionOptions with(TlsMode tls, bool sign_in = false) {
  SessionOptions options;
  options.tls = tls;
  options.sign_in = sign_in;
  return options;
}

/// A session brought up to (not through) its last word: all but the last octet is handed over.
struct ButOne {
  Driver driver{plain_options()};
  ButOne() { driver.converse({greeting, bare_ehlo, ok, ok}); }

  /// Hears 354 and hands over all of the message but its last octet; returns that one's length.
  void hand_over_but_one() {
    driver.session.receive("354 go\r\n");
    ASSERT_TRUE(std::holds_alternative<NeedBody>(driver.session.next()));
    driver.session.body("A: b\n", true);
    ASSERT_TRUE(std::holds_alternative<CommitFollows>(driver.session.next()));
    const Output last = driver.session.next();
    driver.session.sent(std::get<Send>(last).bytes.size() - 1);
    ASSERT_FALSE(driver.session.committed());
  }
};

// --- the barrier

/// Everything that was given out before CommitFollows, however it is handed over.
std::string before_barrier(Session& session) {
  std::string bytes;
  for (;;) {
    const Output output = session.next();
    if (std::holds_alternative<CommitFollows>(output)) return bytes;
    if (!std::holds_alternative<Send>(output)) return "no barrier";
    bytes += std::get<Send>(output).bytes;
  }
}

/// A last piece of no octets: "BDAT 0 LAST" completes the message all by itself.
TEST(Barrier, ComesBeforeAnEmptyLastChunk) {
  for (const auto& pieces : {std::vector<std::string>{"A: b\n", ""},
                             std::vector<std::string>{"A: b\r", "\n"},
                             {std::string()}}) {
    Driver driver(plain_options());
    driver.converse({greeting, chunking_ehlo, ok});
    driver.session.receive(ok);
    for (std::size_t i = 0; i + 1 < pieces.size(); ++i) {
      ASSERT_TRUE(std::holds_alternative<NeedBody>(driver.session.next()));
      driver.session.body(pieces[i], false);
      ASSERT_TRUE(driver.advance());
      driver.session.receive(ok);
    }
    driver.session.body(pieces.back(), true);
    EXPECT_EQ(before_barrier(driver.session), "");
    driver.advance();
    EXPECT_NE(driver.said().find("BDAT 0 LAST\r\n"), std::string::npos);
    EXPECT_TRUE(driver.session.committed());
    driver.hear(ok);
    EXPECT_EQ(driver.verdict(), Verdict::accepted);
  }
}

/// Whatever the size of the message and of its last piece, the completing octet waits for the
/// barrier, and at most one TLS record waits with it.
TEST(Barrier, HoldsTheLastOctetBackAndLittleMore) {
  for (const std::string& hello : {bare_ehlo, chunking_ehlo}) {
    for (const std::size_t size : {0U, 1U, 16000U, 16384U, 16385U, 40000U}) {
      Driver driver(plain_options());
      driver.converse({greeting, hello, ok});
      driver.session.receive(ok);
      if (hello == bare_ehlo) {
        driver.advance();
        driver.session.receive("354 go\r\n");
      }
      ASSERT_TRUE(std::holds_alternative<NeedBody>(driver.session.next()));
      driver.session.body(std::string(size, 'x'), true);
      const std::string early = before_barrier(driver.session);
      driver.session.sent(early.size());
      EXPECT_FALSE(driver.session.committed()) << size;
      std::string late;
      for (Output output = driver.session.next(); std::holds_alternative<Send>(output);
           output = driver.session.next()) {
        EXPECT_FALSE(driver.session.committed() && !std::get<Send>(output).bytes.empty()) << size;
        late += std::get<Send>(output).bytes;
        driver.session.sent(std::get<Send>(output).bytes.size());
      }
      EXPECT_TRUE(driver.session.committed()) << size;
      EXPECT_LE(late.size(), 16384U + 32U) << size;
    }
  }
}

TEST(Barrier, NamesThoseWhoCanStillBeServed) {
  Driver driver(plain_options());
  driver.recipients = {*Address::parse("a@x.y"), *Address::parse("b@x.y"),
                       *Address::parse("c@x.y")};
  driver.converse({greeting, bare_ehlo, ok, ok, "550 no\r\n", "250 c\r\n"});
  driver.session.receive("354 go\r\n");
  driver.session.body("x", true);
  const Output output = driver.session.next();
  ASSERT_TRUE(std::holds_alternative<CommitFollows>(output));
  EXPECT_EQ(std::get<CommitFollows>(output).recipients, (std::vector<std::size_t>{0, 2}));
}

TEST(Barrier, IsTheLastOctetAndNotTheOneBefore) {
  ButOne missing;
  missing.hand_over_but_one();
  missing.driver.session.lost(cut);
  missing.driver.advance();
  EXPECT_EQ(missing.driver.verdict(), Verdict::not_tried);

  ButOne complete;
  complete.hand_over_but_one();
  complete.driver.session.sent(1);
  EXPECT_TRUE(complete.driver.session.committed());
  complete.driver.session.lost(cut);
  complete.driver.advance();
  EXPECT_EQ(complete.driver.verdict(), Verdict::in_doubt);
}

// --- a reply comes after its command

TEST(Ahead, SuccessBeforeTheLastOctetIsNotBelieved) {
  ButOne early;
  early.hand_over_but_one();
  early.driver.session.receive(ok);
  early.driver.advance();
  EXPECT_EQ(early.driver.verdict(), Verdict::not_tried);
  EXPECT_TRUE(early.driver.ended.has_value());
}

/// A reply that begins before the end of data cannot answer it, though its end comes after.
TEST(Ahead, SuccessThatBeganBeforeTheLastOctetIsNotBelieved) {
  for (std::size_t cut_at = 1; cut_at < ok.size(); ++cut_at) {
    ButOne early;
    early.hand_over_but_one();
    early.driver.session.receive(ok.substr(0, cut_at));
    early.driver.session.sent(1);
    early.driver.session.receive(ok.substr(cut_at));
    early.driver.advance();
    EXPECT_EQ(early.driver.verdict(), Verdict::in_doubt) << cut_at;
    EXPECT_TRUE(early.driver.ended.has_value());
  }
}

TEST(Ahead, TheSameOfManyLines) {
  ButOne early;
  early.hand_over_but_one();
  early.driver.session.receive("250-one\r\n");
  early.driver.session.sent(1);
  early.driver.session.receive("250 two\r\n");
  early.driver.advance();
  EXPECT_EQ(early.driver.verdict(), Verdict::in_doubt);
}

TEST(Ahead, ARefusalBeforeTheLastOctetIsARefusal) {
  ButOne early;
  early.hand_over_but_one();
  early.driver.session.receive("552 5.3.4 too much\r\n");
  early.driver.advance();
  EXPECT_EQ(early.driver.verdict(), Verdict::refused);
}

TEST(Ahead, RepliesInOnePieceAreMatchedOneByOne) {
  Driver driver(plain_options());
  driver.converse({greeting, pipelining_ehlo});
  for (const char c : std::string("250 m\r\n250 r\r\n354 go\r\n")) {
    driver.session.receive(std::string(1, c));
  }
  driver.advance();
  driver.hear(ok);
  EXPECT_EQ(driver.verdict(), Verdict::accepted);
}

/// A reply that ends in a piece began before its neighbour did: each has a beginning of its own.
TEST(Ahead, TheNextReplyOfThePieceThatEndsOneBeginsThere) {
  Driver driver(plain_options());
  driver.session.receive(greeting);
  ASSERT_TRUE(std::holds_alternative<Send>(driver.session.next()));
  driver.session.sent(18);
  driver.session.receive(pipelining_ehlo);
  driver.session.begin({*Address::parse("s@x.y"), driver.recipients, {}});
  driver.session.sent(std::get<Send>(driver.session.next()).bytes.size());  // MAIL
  driver.session.receive("250 m");
  driver.session.sent(std::get<Send>(driver.session.next()).bytes.size());  // RCPT
  driver.session.receive("\r\n250 r\r\n");
  EXPECT_EQ(driver.session.state(), State::data);
}

TEST(Ahead, TheGreetingDoesNotAnswerEhlo) {
  Driver driver(plain_options());
  driver.converse({greeting + bare_ehlo});
  ASSERT_TRUE(driver.ended && driver.ended->error);
  EXPECT_EQ(driver.ended->error->cause, Cause::protocol);
  EXPECT_EQ(driver.wire, "");
}

TEST(Ahead, OneReplyTooManyAfterSuccessLeavesIt) {
  for (const char* extra : {"250 again\r\n", "421 bye\r\n", "what\r\n", "550 no\r\n"}) {
    Driver driver(plain_options());
    driver.converse({greeting, bare_ehlo, ok, ok, "354 go\r\n", ok + extra});
    EXPECT_EQ(driver.verdict(), Verdict::accepted) << extra;
    EXPECT_EQ(driver.outcomes.size(), 1U);
    EXPECT_FALSE(driver.session.reusable());
  }
}

// --- TLS after all clear text

/// The owner may read once more before it shakes hands: what it hears then is clear text, too.
TEST(ClearText, ThatComesAfterTheReplyToStartTlsIsNotReadAsTls) {
  for (const char* injected : {"2", "250-x\r\n", "250 x\r\n", "\r"}) {
    Session session(with(TlsMode::starttls));
    const auto say = [&](std::string_view reply) {
      session.receive(reply);
      for (Output output = session.next(); std::holds_alternative<Send>(output);
           output = session.next()) {
        session.sent(std::get<Send>(output).bytes.size());
      }
    };
    say(greeting);
    say("250-me\r\n250 STARTTLS\r\n");
    say("220 go\r\n");
    ASSERT_EQ(session.state(), State::handshake);
    session.receive(injected);
    session.tls_established();
    const Output output = session.next();
    ASSERT_TRUE(std::holds_alternative<Ended>(output)) << injected;
    EXPECT_EQ(std::get<Ended>(output).error->cause, Cause::protocol);
    EXPECT_FALSE(session.secure());
  }
}

// --- nothing after the end

void expect_silence(Session& session) {
  for (int i = 0; i < 5; ++i) {
    const Output output = session.next();
    ASSERT_TRUE(std::holds_alternative<Ended>(output)) << output.index();
    EXPECT_TRUE(std::get<Ended>(output).error.has_value());
  }
  EXPECT_EQ(session.state(), State::ended);
}

TEST(Ended, DecisionsThatComeTooLateSayNothing) {
  using Decision = void (*)(Session&);
  const std::vector<Decision> decisions = {
      [](Session& s) { s.authenticate(*MechanismName::parse("PLAIN"), std::nullopt); },
      [](Session& s) { s.respond(Secret("eA==")); },
      [](Session& s) { s.abort_auth(); },
      [](Session& s) { s.skip_sign_in(); },
      [](Session& s) { s.tls_established(); },
      [](Session& s) { s.body("x", true); },
      [](Session& s) { s.quit(); },
      [](Session& s) { s.receive("250 ok\r\n"); },
      [](Session& s) { s.lost(cut); },
      [](Session& s) { s.withdraw(cut); }};
  for (const Decision& decide : decisions) {
    Session session(plain_options());
    session.lost(cut);
    decide(session);
    expect_silence(session);
  }
}

TEST(Ended, AMessageThatComesTooLateIsNotTried) {
  Driver driver(plain_options());
  driver.messages = 0;
  driver.converse({greeting, bare_ehlo});
  driver.session.receive("421 4.4.2 idle too long\r\n");
  driver.session.begin({*Address::parse("s@x.y"), driver.recipients, {}});
  driver.advance();
  EXPECT_EQ(driver.verdict(), Verdict::not_tried);
  EXPECT_EQ(driver.wire, "EHLO [127.0.0.1]\r\n");
  expect_silence(driver.session);
}

TEST(Ended, WithdrawnAtSignIn) {
  Driver driver(with(TlsMode::none, true));
  driver.session.receive(greeting);
  (void)driver.session.next();
  driver.session.sent(18);
  driver.session.receive("250-me\r\n250 AUTH PLAIN\r\n");
  ASSERT_TRUE(std::holds_alternative<NeedSignIn>(driver.session.next()));
  driver.session.receive("421 bye\r\n");
  driver.session.authenticate(*MechanismName::parse("PLAIN"), Secret("c2VjcmV0"));
  expect_silence(driver.session);
}

}  // namespace
}  // namespace sendonce::smtp
