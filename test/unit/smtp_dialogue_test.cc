// Whole dialogues as scripts of literal octets: what must be said, and what the server answers.

#include "smtp/session.hh"
#include "smtp_driver.hh"

namespace sendonce::smtp {
namespace {

const std::string hello = "EHLO [127.0.0.1]\r\n";
const std::string sender = "MAIL FROM:<s@x.y>\r\n";
const std::string recipient = "RCPT TO:<r@x.y>\r\n";
const std::string content = "A: b\r\n\r\n..hi\r\n.\r\n";
const std::string chunk = "A: b\r\n\r\n.hi\r\n";
const std::string go_on = "354 go\r\n";
const std::string chunking_ehlo = "250-me\r\n250 CHUNKING\r\n";
const std::string auth_ehlo = "250-me\r\n250 AUTH LOGIN PLAIN\r\n";

SessionOptions signing_in() {
  SessionOptions options = plain_options();
  options.sign_in = true;
  return options;
}

std::vector<Address> people(const std::string& names) {
  std::vector<Address> all;
  for (const char name : names) all.push_back(*Address::parse(std::string(1, name) + "@x.y"));
  return all;
}

std::vector<Verdict> verdicts(const Driver& driver, std::size_t message = 0) {
  std::vector<Verdict> all;
  for (const auto& outcome : driver.outcomes.at(message)) all.push_back(outcome.verdict);
  return all;
}

// --- sign-in

TEST(SignInScript, AbortedTriesTheNext) {
  Driver driver(signing_in());
  driver.aborts = true;
  driver.play({{"", greeting},
               {hello, auth_ehlo},
               {"AUTH LOGIN\r\n", "334 VXNlcm5hbWU6\r\n"},
               {"*\r\n", "501 5.0.0 aborted\r\n"},
               {"AUTH PLAIN\r\n", "235 2.7.0 yes\r\n"},
               {sender, ""}});
  EXPECT_EQ(driver.sign_ins, (std::vector<bool>{false, true}));
}

TEST(SignInScript, SeveralChallenges) {
  Driver driver(signing_in());
  driver.play({{"", greeting},
               {hello, auth_ehlo},
               {"AUTH LOGIN\r\n", "334 VXNlcm5hbWU6\r\n"},
               {"cmVzcG9uc2U=\r\n", "334\r\n"},
               {"cmVzcG9uc2U=\r\n", "235 2.7.0 yes\r\n"},
               {sender, ""}});
}

TEST(SignInScript, SuccessOutOfTurnIsNone) {
  Driver at_challenge(signing_in());
  at_challenge.play({{"", greeting},
                     {hello, auth_ehlo},
                     {"AUTH LOGIN\r\n", "334 eA==\r\n235 2.7.0 yes\r\n"},
                     {"", ""}});
  EXPECT_TRUE(at_challenge.sign_ins.empty());
  EXPECT_TRUE(at_challenge.ended.has_value());

  Driver before(signing_in());
  before.play({{"", greeting}, {hello, auth_ehlo + "235 2.7.0 yes\r\n"}, {"", ""}});
  EXPECT_TRUE(before.sign_ins.empty());
  EXPECT_TRUE(before.ended.has_value());
}

TEST(SignInScript, LineThatDiesAfterSuccessHasSignedIn) {
  Driver driver(signing_in());
  driver.play({{"", greeting}, {hello, auth_ehlo}, {"AUTH LOGIN\r\n", "235 2.7.0 yes\r\n"}});
  driver.session.lost({Cause::connection_lost, Phase::none, "cut", ""});
  driver.advance();
  EXPECT_EQ(driver.sign_ins, (std::vector<bool>{true}));
  EXPECT_EQ(driver.verdict(), Verdict::not_tried);
}

// --- the four ways of a message

TEST(MessageScript, DataWithPipelining) {
  Driver driver(plain_options());
  driver.recipients = people("abc");
  driver.play({{"", greeting},
               {hello, pipelining_ehlo},
               {sender + "RCPT TO:<a@x.y>\r\nRCPT TO:<b@x.y>\r\nRCPT TO:<c@x.y>\r\nDATA\r\n",
                ok + ok + "550 b\r\n" + ok},
               {"", go_on},
               {content, ok}});
  EXPECT_EQ(verdicts(driver),
            (std::vector<Verdict>{Verdict::accepted, Verdict::refused, Verdict::accepted}));
}

TEST(MessageScript, ChunksWithoutPipelining) {
  Driver driver(plain_options());
  driver.pieces = {"A: b\n", "\n.hi\n"};
  driver.play({{"", greeting},
               {hello, chunking_ehlo},
               {sender, ok},
               {recipient, ok},
               {"BDAT 6\r\nA: b\r\n", ok},
               {"BDAT 7 LAST\r\n\r\n.hi\r\n", ok},
               {"", ""}});
  EXPECT_EQ(driver.verdict(), Verdict::accepted);
}

TEST(MessageScript, NeitherThoughOfferedWhereTheAccountSaysSo) {
  SessionOptions options = plain_options();
  options.pipelining = false;
  options.chunking = false;
  Driver driver(options);
  driver.play({{"", greeting},
               {hello, full_ehlo},
               {"MAIL FROM:<s@x.y> SIZE=13\r\n", ok},
               {recipient, ok},
               {"DATA\r\n", go_on},
               {content, ok}});
  EXPECT_EQ(driver.verdict(), Verdict::accepted);
}

TEST(MessageScript, EightBitIsSaidWhereOffered) {
  Driver driver(plain_options());
  driver.pieces = {"A: b\n\n\xc3\xa4\n"};
  driver.play({{"", greeting},
               {hello, "250-me\r\n250 8BITMIME\r\n"},
               {"MAIL FROM:<s@x.y> BODY=8BITMIME\r\n", ""}});
}

TEST(MessageScript, EightBitIsNotSentWhereItMayBeLost) {
  Driver driver(plain_options());
  driver.pieces = {"A: b\n\n\xc3\xa4\n"};
  driver.converse({greeting, bare_ehlo});
  EXPECT_EQ(driver.wire, hello);
  EXPECT_EQ(driver.verdict(), Verdict::refused);
  EXPECT_EQ(driver.outcomes[0][0].error->cause, Cause::needs_8bitmime);
}

TEST(MessageScript, AnEmptyMessage) {
  for (const std::string& ehlo : {bare_ehlo, chunking_ehlo}) {
    Driver driver(plain_options());
    driver.pieces = {""};
    driver.converse({greeting, ehlo, ok, ok});
    if (ehlo == bare_ehlo) driver.hear(go_on);
    const std::string end = ehlo == bare_ehlo ? "DATA\r\n.\r\n" : "BDAT 0 LAST\r\n";
    EXPECT_EQ(driver.wire.substr(driver.wire.size() - end.size()), end);
    driver.hear(ok);
    EXPECT_EQ(driver.verdict(), Verdict::accepted);
  }
}

// --- recipients

TEST(Recipients, EachHasItsOwnReply) {
  for (const std::string& ehlo : {bare_ehlo, pipelining_ehlo, full_ehlo}) {
    Driver driver(plain_options());
    driver.recipients = people("abcd");
    driver.converse({greeting, ehlo, ok, "550 5.1.1 a\r\n", "251 b\r\n", "452 4.2.2 c\r\n", ok});
    if (ehlo != full_ehlo) driver.hear(go_on);
    driver.hear("250 2.0.0 queued\r\n");
    EXPECT_EQ(verdicts(driver), (std::vector<Verdict>{Verdict::refused, Verdict::accepted,
                                                      Verdict::refused_for_now, Verdict::accepted}))
        << ehlo;
    EXPECT_EQ(driver.outcomes[0][1].reply->text(), "queued");
    EXPECT_EQ(driver.outcomes[0][2].reply->text(), "c");
  }
}

TEST(Recipients, TooManyGoAnotherTime) {
  for (const char* reply : {"452 4.5.3 c\r\n", "452 too many\r\n"}) {
    Driver driver(plain_options());
    driver.recipients = people("abc");
    driver.converse({greeting, full_ehlo, ok, ok, ok, reply, ok});
    EXPECT_EQ(verdicts(driver),
              (std::vector<Verdict>{Verdict::accepted, Verdict::accepted, Verdict::next_time}));
  }
  Driver nobody_taken(plain_options());
  nobody_taken.converse({greeting, full_ehlo, ok, "452 4.5.3 c\r\n", "503 5.5.1 none\r\n"});
  EXPECT_EQ(nobody_taken.verdict(), Verdict::refused_for_now);
}

TEST(Recipients, BeyondTheLimitsOfTheServerGoAnotherTime) {
  const auto said = [](const std::string& limits) {
    Driver driver(plain_options());
    driver.recipients = {*Address::parse("a@one.x"), *Address::parse("b@two.x"),
                         *Address::parse("c@ONE.x")};
    driver.converse(
        {greeting, "250-me\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 LIMITS " + limits + "\r\n"});
    return driver.wire;
  };
  using std::string;
  EXPECT_EQ(said("RCPTMAX=2").find("c@ONE.x"), string::npos);
  EXPECT_NE(said("RCPTMAX=2").find("b@two.x"), string::npos);
  EXPECT_NE(said("RCPTMAX=3 RCPTMAX=1").find("c@ONE.x"), string::npos);
  EXPECT_EQ(said("RCPTDOMAINMAX=1").find("b@two.x"), string::npos);
  EXPECT_NE(said("RCPTDOMAINMAX=1").find("c@ONE.x"), string::npos);
  EXPECT_NE(said("RCPTMAX=0 RCPTDOMAINMAX=x").find("c@ONE.x"), string::npos);
}

TEST(Recipients, AHundredAreMatchedInOrder) {
  Driver driver(plain_options());
  driver.recipients = std::vector<Address>(100, *Address::parse("r@x.y"));
  std::string replies = ok;
  for (int i = 0; i < 100; ++i) replies += i % 3 == 0 ? "550 " + std::to_string(i) + "\r\n" : ok;
  driver.converse({greeting, full_ehlo, replies, ok});
  for (std::size_t i = 0; i < 100; ++i) {
    ASSERT_EQ(driver.verdict(i), i % 3 == 0 ? Verdict::refused : Verdict::accepted) << i;
    if (i % 3 == 0) {
      EXPECT_EQ(driver.outcomes[0][i].reply->text(), std::to_string(i));
    }
  }
}

TEST(Recipients, AllRefusedServesNobodyAndGoesOn) {
  for (const std::string& ehlo : {bare_ehlo, chunking_ehlo, pipelining_ehlo, full_ehlo}) {
    Driver driver(plain_options());
    driver.recipients = people("ab");
    driver.converse({greeting, ehlo, ok, "550 a\r\n", "450 b\r\n"});
    if (ehlo == pipelining_ehlo) driver.hear("554 nobody\r\n");
    if (ehlo == full_ehlo) driver.hear("503 nobody\r\n");
    EXPECT_EQ(verdicts(driver), (std::vector<Verdict>{Verdict::refused, Verdict::refused_for_now}));
    if (ehlo != full_ehlo) driver.hear(ok);  // to RSET
    EXPECT_TRUE(driver.session.reusable()) << ehlo;
    if (ehlo == full_ehlo) continue;
    EXPECT_EQ(driver.wire.find("A: b"), std::string::npos);
  }
}

/// A server that takes a message for nobody does not make a refused recipient an accepted one.
TEST(Recipients, RefusedStayRefusedThoughTheMessageIsTaken) {
  Driver driver(plain_options());
  driver.converse({greeting, full_ehlo, ok, "550 r\r\n", ok});
  EXPECT_EQ(driver.verdict(), Verdict::refused);
}

TEST(Recipients, NoneIsNoMessage) {
  Driver driver(plain_options());
  driver.recipients.clear();
  driver.converse({greeting, bare_ehlo});
  ASSERT_EQ(driver.outcomes.size(), 1U);
  EXPECT_TRUE(driver.outcomes[0].empty());
  EXPECT_EQ(driver.wire, hello);
}

// --- the end of data

TEST(EndOfData, DecidesForAllWhoAreLeft) {
  for (const auto& [reply, verdict] :
       {std::pair("250 2.0.0 ok\r\n", Verdict::accepted),
        std::pair("252 ok\r\n", Verdict::accepted),
        std::pair("452 4.3.1 full\r\n", Verdict::refused_for_now),
        std::pair("421 4.3.2 bye\r\n", Verdict::refused_for_now),
        std::pair("554 5.7.1 spam\r\n", Verdict::refused),
        std::pair("354 x\r\n", Verdict::in_doubt), std::pair("220 hi\n", Verdict::in_doubt)}) {
    for (const std::string& ehlo : {bare_ehlo, full_ehlo}) {
      Driver driver(plain_options());
      driver.recipients = people("ab");
      driver.converse({greeting, ehlo, ok, ok, ok});
      if (ehlo == bare_ehlo) driver.hear(go_on);
      driver.hear(reply);
      EXPECT_EQ(verdicts(driver), (std::vector<Verdict>{verdict, verdict})) << reply;
    }
  }
}

TEST(EndOfData, RefusesNothingMoreThanWasAsked) {
  Driver driver(plain_options());
  driver.recipients = people("ab");
  driver.converse({greeting, full_ehlo, ok, "550 a\r\n"});
  driver.session.lost({Cause::timed_out, Phase::none, "late", ""});
  driver.advance();
  EXPECT_EQ(verdicts(driver), (std::vector<Verdict>{Verdict::refused, Verdict::in_doubt}));
  EXPECT_EQ(driver.outcomes[0][1].error->cause, Cause::timed_out);
}

TEST(EndOfData, SecondMessageOnTheSameLineHasItsOwn) {
  for (const std::string& ehlo : {bare_ehlo, pipelining_ehlo, full_ehlo}) {
    Driver driver(plain_options());
    driver.messages = 2;
    const bool chunks = ehlo == full_ehlo;
    driver.converse({greeting, ehlo, ok, ok});
    if (!chunks) driver.hear(go_on);
    driver.hear(ok);
    ASSERT_EQ(driver.outcomes.size(), 1U);
    EXPECT_FALSE(driver.session.committed() && !chunks);
    driver.hear(ok);
    driver.hear(ok);
    if (!chunks) driver.hear(go_on);
    driver.session.lost({Cause::connection_lost, Phase::none, "cut", ""});
    driver.advance();
    ASSERT_EQ(driver.outcomes.size(), 2U);
    EXPECT_EQ(driver.outcomes[0][0].verdict, Verdict::accepted);
    EXPECT_EQ(driver.outcomes[1][0].verdict, Verdict::in_doubt) << ehlo;
  }
}

TEST(Quit, EndsWithoutAnErrorWhateverComes) {
  for (const char* answer : {"221 bye\r\n", "500 what\r\n", "421 x\r\n", "junk\r\n", ""}) {
    Driver driver(plain_options());
    driver.converse({greeting, bare_ehlo, ok, ok, go_on, ok});
    driver.session.quit();
    driver.advance();
    driver.session.receive(answer);
    driver.session.lost({Cause::tls_failed, Phase::none, "no close_notify", ""});
    driver.advance();
    ASSERT_TRUE(driver.ended.has_value()) << answer;
    EXPECT_FALSE(driver.ended->error.has_value()) << answer;
    EXPECT_EQ(driver.verdict(), Verdict::accepted);
  }
}

}  // namespace
}  // namespace sendonce::smtp
