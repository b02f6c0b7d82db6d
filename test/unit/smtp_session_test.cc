// Whole dialogues: what is said, byte by byte, and what becomes of each recipient.

#include "smtp/session.hh"

#include "smtp_driver.hh"

namespace sendonce::smtp {
namespace {

SessionOptions with(TlsMode tls, bool sign_in = false) {
  SessionOptions options;
  options.tls = tls;
  options.sign_in = sign_in;
  return options;
}

Cause cause_of_end(const Driver& driver) {
  return driver.ended && driver.ended->error ? driver.ended->error->cause : Cause::internal;
}

// --- hello, TLS, sign-in

TEST(Hello, ThenDataLineByLine) {
  Driver driver(plain_options());
  driver.converse({greeting, bare_ehlo, ok, ok, "354 go\r\n", ok});
  EXPECT_EQ(driver.wire,
            "EHLO [127.0.0.1]\r\nMAIL FROM:<s@x.y>\r\nRCPT TO:<r@x.y>\r\nDATA\r\nA: "
            "b\r\n\r\n..hi\r\n.\r\n");
  EXPECT_EQ(driver.verdict(), Verdict::accepted);
  EXPECT_TRUE(driver.session.reusable());
}

TEST(Hello, HeloWhereNothingNeedsMore) {
  Driver driver(plain_options());
  driver.converse({greeting, "502 what\r\n", "250 me\r\n", ok, ok, "354 go\r\n", ok});
  EXPECT_NE(driver.wire.find("HELO [127.0.0.1]\r\nMAIL"), std::string::npos);
  EXPECT_EQ(driver.verdict(), Verdict::accepted);
}

TEST(Hello, NoHeloWhereTlsOrSignInIsWanted) {
  for (const SessionOptions& options : {with(TlsMode::starttls), with(TlsMode::none, true)}) {
    Driver driver(options);
    driver.converse({greeting, "502 what\r\n"});
    EXPECT_EQ(driver.wire.find("HELO "), std::string::npos);
    EXPECT_EQ(cause_of_end(driver), Cause::refused);
  }
}

TEST(Hello, RefusedGreeting) {
  Driver driver(plain_options());
  driver.converse({"554 no service\r\n"});
  EXPECT_EQ(driver.wire, "");
  EXPECT_EQ(cause_of_end(driver), Cause::refused);
  EXPECT_EQ(driver.ended->error->phase, Phase::greeting);
}

TEST(StartTls, ForgetsWhatWasOfferedInTheClear) {
  Driver driver(with(TlsMode::starttls));
  driver.converse(
      {greeting, "250-me\r\n250-STARTTLS\r\n250-SIZE 1\r\n250 PIPELINING\r\n", "220 go\r\n"});
  EXPECT_EQ(driver.wire, "EHLO [127.0.0.1]\r\nSTARTTLS\r\n<TLS>EHLO [127.0.0.1]\r\n");
  EXPECT_FALSE(driver.session.capabilities().pipelining);
  driver.hear(bare_ehlo);
  EXPECT_EQ(driver.session.capabilities().size_limit, 0U);
  EXPECT_EQ(driver.session.state(), State::mail);
}

TEST(StartTls, BelievesNoPlaintextThatCameAlong) {
  for (const char* injected : {"220 go\r\n250 injected\r\n", "220 go\r\n2", "220 go\r\n\r\n"}) {
    Driver driver(with(TlsMode::starttls));
    driver.converse({greeting, "250-me\r\n250 STARTTLS\r\n", injected});
    EXPECT_EQ(cause_of_end(driver), Cause::protocol) << injected;
    EXPECT_EQ(driver.wire.find("<TLS>"), std::string::npos);
  }
}

TEST(StartTls, IsRequiredWhereAskedFor) {
  Driver absent(with(TlsMode::starttls));
  absent.converse({greeting, bare_ehlo});
  EXPECT_EQ(cause_of_end(absent), Cause::tls_unavailable);
  Driver refused(with(TlsMode::starttls));
  refused.converse({greeting, "250-me\r\n250 STARTTLS\r\n", "454 later\r\n"});
  EXPECT_EQ(cause_of_end(refused), Cause::tls_unavailable);
  EXPECT_EQ(refused.wire.find("MAIL"), std::string::npos);
}

TEST(StartTls, OpportunisticTakesItOrGoesOn) {
  Driver offered(with(TlsMode::opportunistic));
  offered.converse({greeting, "250-me\r\n250 STARTTLS\r\n", "220 go\r\n", bare_ehlo});
  EXPECT_TRUE(offered.session.secure());
  for (const auto& answers :
       {std::vector<std::string>{greeting, bare_ehlo},
        std::vector<std::string>{greeting, "250-me\r\n250 STARTTLS\r\n", "454 no\r\n"}}) {
    Driver driver(with(TlsMode::opportunistic));
    driver.converse(answers);
    EXPECT_EQ(driver.session.state(), State::mail);
  }
}

TEST(ImplicitTls, ComesBeforeTheGreeting) {
  Driver driver(with(TlsMode::implicit));
  driver.converse({greeting});
  EXPECT_EQ(driver.wire, "<TLS>EHLO [127.0.0.1]\r\n");
}

TEST(SignIn, AnswersChallengesAndTriesTheNext) {
  Driver driver(with(TlsMode::none, true));
  driver.converse({greeting, "250-me\r\n250 AUTH LOGIN PLAIN\r\n", "334 VXNlcg==\r\n",
                   "535 5.7.8 no\r\n", "235 2.7.0 yes\r\n"});
  EXPECT_NE(driver.wire.find("AUTH LOGIN\r\ncmVzcG9uc2U=\r\nAUTH PLAIN\r\nMAIL"),
            std::string::npos);
  EXPECT_EQ(driver.sign_ins, (std::vector<bool>{false, true}));
}

TEST(SignIn, TheLineIsReadyWhenItHasProvedThatItLives) {
  for (const char* answer : {"250 fine\r\n", "450 4.0.0 not now\r\n", "502 what?\r\n"}) {
    Driver driver(with(TlsMode::none, true));
    driver.converse({greeting, "250-me\r\n250 AUTH DIGEST-MD5\r\n", "235 2.7.0 yes\r\n", answer});
    EXPECT_NE(driver.wire.find("AUTH DIGEST-MD5\r\nNOOP\r\nMAIL"), std::string::npos)
        << driver.wire;
  }
}

TEST(SignIn, ALineThatDiesRightAfterItCommitsNothing) {
  Driver driver(with(TlsMode::none, true));
  driver.converse({greeting, "250-me\r\n250 AUTH DIGEST-MD5\r\n", "235 2.7.0 yes\r\n"});
  driver.session.lost({Cause::connection_lost, Phase::none, "gone", ""});
  driver.advance();
  EXPECT_EQ(driver.sign_ins, (std::vector<bool>{true}));
  EXPECT_EQ(cause_of_end(driver), Cause::connection_lost);
  EXPECT_EQ(driver.wire.find("MAIL"), std::string::npos);
}

TEST(SignIn, TakesNoOtherSuccessThan235) {
  Driver driver(with(TlsMode::none, true));
  driver.converse({greeting, "250-me\r\n250 AUTH PLAIN\r\n", ok});
  EXPECT_TRUE(driver.sign_ins.empty());
  EXPECT_EQ(cause_of_end(driver), Cause::protocol);
}

// --- the message

TEST(Pipelining, GroupsTheEnvelopeAndMatchesInOrder) {
  Driver driver(plain_options());
  driver.recipients = {*Address::parse("a@x.y"), *Address::parse("b@x.y"),
                       *Address::parse("c@x.y")};
  driver.converse({greeting, pipelining_ehlo});
  EXPECT_EQ(driver.said(),
            "EHLO [127.0.0.1]\r\nMAIL FROM:<s@x.y>\r\nRCPT TO:<a@x.y>\r\nRCPT TO:<b@x.y>\r\n"
            "RCPT TO:<c@x.y>\r\nDATA\r\n");
  driver.hear("250 m\r\n250 a\r\n550 5.1.1 b\r\n452 4.2.2 c\r\n354 go\r\n");
  driver.hear(ok);
  EXPECT_EQ(driver.verdict(0), Verdict::accepted);
  EXPECT_EQ(driver.verdict(1), Verdict::refused);
  EXPECT_EQ(driver.outcomes[0][1].reply->summary(), "550 5.1.1 b");
  EXPECT_EQ(driver.verdict(2), Verdict::refused_for_now);
}

TEST(Chunking, SendsASmallMessageInOneFlight) {
  Driver driver(plain_options());
  driver.converse({greeting, full_ehlo});
  EXPECT_EQ(driver.said(),
            "EHLO [127.0.0.1]\r\nMAIL FROM:<s@x.y> SIZE=13\r\nRCPT TO:<r@x.y>\r\nBDAT 13 LAST\r\n"
            "A: b\r\n\r\n.hi\r\n");
  EXPECT_EQ(driver.barriers, 1);
  driver.hear(ok + ok + ok);
  EXPECT_EQ(driver.verdict(), Verdict::accepted);
}

TEST(Chunking, LetsALargeOneWaitForTheRecipients) {
  Driver driver(plain_options());
  driver.pieces = {std::string(70000, 'x') + "\n", "tail\n"};
  driver.converse({greeting, full_ehlo});
  EXPECT_EQ(driver.wire.find("BDAT"), std::string::npos);
  driver.hear(ok + ok);
  EXPECT_NE(driver.said().find("BDAT 70002\r\nxxx"), std::string::npos);
  EXPECT_NE(driver.wire.find("BDAT 6 LAST\r\ntail\r\n"), std::string::npos);
  driver.hear(ok);
  EXPECT_TRUE(driver.outcomes.empty());
  driver.hear(ok);
  EXPECT_EQ(driver.verdict(), Verdict::accepted);
}

TEST(Chunking, SendsNothingToNobody) {
  Driver driver(plain_options());
  driver.pieces = {std::string(70000, 'x')};
  driver.converse({greeting, full_ehlo, ok, "550 no\r\n"});
  EXPECT_EQ(driver.wire.find("BDAT"), std::string::npos);
  EXPECT_EQ(driver.verdict(), Verdict::refused);
  EXPECT_NE(driver.wire.find("RSET\r\n"), std::string::npos);
  driver.hear(ok);
  EXPECT_TRUE(driver.session.reusable());
}

TEST(Chunking, BelievesTheLastChunkAfterARefusedOne) {
  Driver driver(plain_options());
  driver.pieces = {std::string(70000, 'x'), "tail\n"};
  driver.converse({greeting, full_ehlo, ok + ok, "552 too much\r\n", ok});
  EXPECT_EQ(driver.verdict(),
            Verdict::accepted);  // all was handed over, and it says that it took it
}

TEST(Data, EndsWith354ForNobodyByALoneDot) {
  Driver driver(plain_options());
  driver.converse({greeting, pipelining_ehlo, "250 m\r\n550 no\r\n354 go\r\n"});
  EXPECT_EQ(driver.wire.substr(driver.wire.size() - 9), "DATA\r\n.\r\n");
  EXPECT_EQ(driver.barriers, 0);
  driver.hear("554 no valid recipients\r\n");
  EXPECT_EQ(driver.verdict(), Verdict::refused);
  EXPECT_EQ(driver.outcomes[0][0].reply->code, 550);
  EXPECT_TRUE(driver.session.reusable());
}

TEST(Data, RefusedBeforeTheMessage) {
  Driver driver(plain_options());
  driver.converse({greeting, bare_ehlo, ok, ok, "451 4.3.0 later\r\n"});
  EXPECT_EQ(driver.verdict(), Verdict::refused_for_now);
  EXPECT_EQ(driver.barriers, 0);
}

TEST(Mail, RefusedSettlesAll) {
  for (const std::string& hello : {bare_ehlo, pipelining_ehlo, full_ehlo}) {
    Driver driver(plain_options());
    driver.converse({greeting, hello});
    driver.hear("550 5.7.1 sender\r\n");
    if (hello != bare_ehlo) driver.hear("503 a\r\n503 b\r\n");
    ASSERT_EQ(driver.outcomes.size(), 1U) << hello;
    EXPECT_EQ(driver.outcomes[0][0].reply->code, 550);
  }
}

TEST(Size, IsLookedAtBeforeAWordIsSaid) {
  Driver driver(plain_options());
  driver.converse({greeting, "250-me\r\n250 SIZE 5\r\n"});
  EXPECT_EQ(driver.wire, "EHLO [127.0.0.1]\r\n");
  EXPECT_EQ(driver.verdict(), Verdict::refused);
  EXPECT_EQ(driver.outcomes[0][0].error->cause, Cause::too_large);
}

TEST(Size, MayBeAllThatIsAllowed) {
  Driver driver(plain_options());
  driver.converse({greeting, "250-me\r\n250 SIZE 13\r\n"});
  EXPECT_EQ(driver.session.state(), State::mail);
  EXPECT_NE(driver.wire.find("SIZE=13\r\n"), std::string::npos);
}

TEST(SmtpUtf8, LackingFailsOnlyThoseWhoNeedIt) {
  Driver driver(plain_options());
  driver.recipients = {*Address::parse("\xc3\xa4@x.y"), *Address::parse("b@x.y")};
  driver.converse({greeting, bare_ehlo, ok, ok, "354 go\r\n", ok});
  EXPECT_EQ(driver.outcomes[0][0].error->cause, Cause::needs_smtputf8);
  EXPECT_EQ(driver.verdict(1), Verdict::accepted);
  EXPECT_EQ(driver.wire.find("SMTPUTF8"), std::string::npos);
}

TEST(SmtpUtf8, IsSaidWhereNeededOnly) {
  Driver driver(plain_options());
  driver.recipients = {*Address::parse("\xc3\xa4@x.y")};
  driver.converse({greeting, "250-me\r\n250 SMTPUTF8\r\n"});
  EXPECT_NE(driver.wire.find("MAIL FROM:<s@x.y> SMTPUTF8\r\n"), std::string::npos);
}

TEST(TwoMessages, OnOneSession) {
  Driver driver(plain_options());
  driver.messages = 2;
  driver.converse({greeting, bare_ehlo, ok, "550 no\r\n", ok, ok, ok, "354 go\r\n", ok});
  ASSERT_EQ(driver.outcomes.size(), 2U);
  EXPECT_EQ(driver.outcomes[0][0].verdict, Verdict::refused);
  EXPECT_EQ(driver.outcomes[1][0].verdict, Verdict::accepted);
}

// --- doubt, and what is not believed

TEST(Commit, IsTheLastOctetHandedOver) {
  Driver whole(plain_options());
  whole.converse({greeting, bare_ehlo, ok, ok, "354 go\r\n"});
  EXPECT_EQ(whole.commit_point, whole.wire.size());
  whole.session.lost({Cause::connection_lost, Phase::none, "cut", ""});
  whole.advance();
  EXPECT_EQ(whole.verdict(), Verdict::in_doubt);

  Driver but_one(plain_options());
  but_one.line_takes = whole.wire.size() - 1;
  but_one.converse({greeting, bare_ehlo, ok, ok, "354 go\r\n"});
  EXPECT_EQ(but_one.verdict(), Verdict::not_tried);
}

TEST(Commit, WithdrawnServesNobody) {
  Driver driver(plain_options());
  driver.withdraws = true;
  driver.converse({greeting, bare_ehlo, ok, ok, "354 go\r\n"});
  EXPECT_EQ(driver.verdict(), Verdict::not_tried);
  EXPECT_EQ(driver.wire.substr(driver.wire.size() - 6), "DATA\r\n");
}

TEST(Unasked, RepliesAheadOfTheirCommandsAreNotBelieved) {
  // The old "250 ok" that another client takes for the answer to its dot (FIELD.md).
  Driver driver(plain_options());
  driver.converse({greeting, bare_ehlo, ok, ok + "354 go\r\n" + ok});
  EXPECT_EQ(driver.verdict(), Verdict::not_tried);
  EXPECT_EQ(cause_of_end(driver), Cause::protocol);
  EXPECT_EQ(driver.wire.find("A: b"), std::string::npos);
}

TEST(Unasked, GarbageAfterTheDotIsDoubt) {
  for (const char* garbage : {"354 what\r\n", "what\r\n", "250-a\r\n550 b\r\n", "250 a\n"}) {
    Driver driver(plain_options());
    driver.converse({greeting, bare_ehlo, ok, ok, "354 go\r\n", garbage});
    EXPECT_EQ(driver.verdict(), Verdict::in_doubt) << garbage;
  }
}

TEST(Closing, Says421ThatNobodyIsServed) {
  for (std::size_t place = 0; place < 6; ++place) {
    std::vector<std::string> answers = {greeting, bare_ehlo, ok, ok, "354 go\r\n", ok};
    answers.resize(place);
    answers.emplace_back("421 4.3.2 shutting down\r\n");
    Driver driver(plain_options());
    driver.converse(answers);
    ASSERT_TRUE(driver.ended.has_value()) << place;
    EXPECT_EQ(cause_of_end(driver), Cause::refused_for_now);
    if (place >= 2) {
      EXPECT_EQ(driver.verdict(), Verdict::refused_for_now) << place;
    }
  }
}

TEST(Early, RefusalDuringTheMessageEndsIt) {
  Driver driver(plain_options());
  driver.pieces = {std::string(300, 'x'), "tail\n"};
  driver.converse({greeting, bare_ehlo, ok, ok});
  driver.session.receive("354 go\r\n");
  ASSERT_TRUE(std::holds_alternative<NeedBody>(driver.session.next()));
  driver.session.receive("552 5.3.4 too much\r\n");
  driver.advance();
  EXPECT_EQ(driver.verdict(), Verdict::refused);
  EXPECT_TRUE(driver.ended.has_value());
}

// --- every cut of a whole dialogue

struct Dialogue {
  SessionOptions options;
  std::vector<std::string> answers;
  std::vector<std::string> pieces = {"A: b\n\n.hi\n"};
  std::size_t recipients = 1;
};

/// Each ends with the final reply to its only message, which is accepted for all recipients.
std::vector<Dialogue> dialogues() {
  const std::string chunking = "250-me\r\n250 CHUNKING\r\n";
  const std::string queued = "250-2.0.0 ok\r\n250 2.0.0 queued\r\n";
  const std::string go_on = "354 go\r\n";
  const std::vector<std::string> two = {"A: b\n\n", ".hi\n"};
  const std::vector<std::string> empty_last = {"A: b\r\n", ""};
  return {{plain_options(), {greeting, bare_ehlo, ok, ok, go_on, ok}},
          {plain_options(), {greeting, bare_ehlo, ok, ok, ok, go_on, queued}, two, 2},
          {plain_options(), {greeting, pipelining_ehlo, "250 m\r\n250 r\r\n354 go\r\n", ok}},
          {plain_options(), {greeting, pipelining_ehlo, ok + ok + ok, go_on, queued}, two, 2},
          {plain_options(), {greeting, full_ehlo, ok + ok + queued}},
          {plain_options(), {greeting, full_ehlo, ok, ok, ok, ok, queued}, two, 2},
          {plain_options(), {greeting, full_ehlo, ok + ok + ok + queued}, empty_last},
          {plain_options(), {greeting, chunking, ok, ok, ok, queued}, two},
          {plain_options(), {greeting, chunking, ok, ok, ok, queued}, empty_last},
          {with(TlsMode::implicit), {greeting, bare_ehlo, ok, ok, go_on, ok}},
          {with(TlsMode::starttls),
           {greeting, "250-me\r\n250 STARTTLS\r\n", "220 go\r\n", full_ehlo, ok + ok + ok}},
          {with(TlsMode::none, true),
           {greeting, "250-me\r\n250 AUTH PLAIN\r\n", "334 eA==\r\n", "235 in\r\n", ok, ok, go_on,
            ok}}};
}

Driver driver_of(const Dialogue& dialogue) {
  Driver driver(dialogue.options);
  driver.pieces = dialogue.pieces;
  driver.recipients.assign(dialogue.recipients, *Address::parse("r@x.y"));
  return driver;
}

/// Everyone has the VERDICT, once; or there was no message yet.
void expect_all(const Driver& driver, const Dialogue& dialogue, Verdict verdict) {
  const bool begun = driver.message_begun();
  ASSERT_EQ(driver.outcomes.size(), begun ? 1U : 0U);
  if (!begun) {
    EXPECT_EQ(verdict, Verdict::not_tried);
    return;
  }
  ASSERT_EQ(driver.outcomes[0].size(), dialogue.recipients);
  for (const RecipientOutcome& outcome : driver.outcomes[0]) EXPECT_EQ(outcome.verdict, verdict);
}

/// What we say is cut after each octet: the commit point is the last one, so nobody was served.
TEST(EveryCut, OfWhatWeSay) {
  for (const Dialogue& dialogue : dialogues()) {
    Driver whole = driver_of(dialogue);
    whole.converse(dialogue.answers);
    expect_all(whole, dialogue, Verdict::accepted);
    ASSERT_EQ(whole.commit_point, whole.wire.size());
    for (std::uint64_t cut = 0; cut < whole.wire.size(); ++cut) {
      SCOPED_TRACE(whole.wire.substr(0, cut));
      Driver driver = driver_of(dialogue);
      driver.line_takes = cut;
      bool listens = driver.advance();
      for (std::size_t i = 0; listens && i < dialogue.answers.size(); ++i)
        listens = driver.hear(dialogue.answers[i]);
      expect_all(driver, dialogue, Verdict::not_tried);
      EXPECT_TRUE(driver.ended.has_value());
    }
  }
}

/// What the server says is cut after each octet: doubt is from the commit point to the last octet
/// of the final reply, and only there.
TEST(EveryCut, OfWhatTheServerSays) {
  for (const Dialogue& dialogue : dialogues()) {
    std::string all;
    for (const std::string& answer : dialogue.answers) all += answer;
    for (std::size_t cut = 0; cut <= all.size(); ++cut) {
      SCOPED_TRACE(all.substr(0, cut));
      Driver driver = driver_of(dialogue);
      bool listens = driver.advance();
      std::size_t left = cut;
      for (std::size_t i = 0; listens && left > 0 && i < dialogue.answers.size(); ++i) {
        const std::string part = dialogue.answers[i].substr(0, left);
        left -= part.size();
        listens = driver.hear(part);
      }
      const bool committed = driver.commit_point > 0;
      driver.session.lost({Cause::connection_lost, Phase::none, "cut", ""});
      driver.advance();
      expect_all(driver, dialogue,
                 cut == all.size() ? Verdict::accepted
                 : committed       ? Verdict::in_doubt
                                   : Verdict::not_tried);
    }
  }
}

}  // namespace
}  // namespace sendonce::smtp
