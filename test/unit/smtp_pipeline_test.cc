// Several messages of one session under way at once: the next envelope follows the end of data of
// the last (RFC 2920 3.1), by literal bytes.  Who has which outcome, in which order, whatever the
// server says and wherever the line breaks.

#include "smtp/session.hh"
#include "smtp_queue.hh"

namespace sendonce::smtp {
namespace {

const std::string hello = "EHLO [127.0.0.1]\r\n";
const std::string envelope = "MAIL FROM:<s@x.y>\r\nRCPT TO:<r@x.y>\r\n";
const std::string asks = envelope + "DATA\r\n";
const std::string content = "A: b\r\n\r\n..hi\r\n.\r\n";
const std::string flight =
    "MAIL FROM:<s@x.y> SIZE=13\r\nRCPT TO:<r@x.y>\r\nBDAT 13 LAST\r\nA: b\r\n\r\n.hi\r\n";

std::string reply_of(const Driver& driver, std::size_t message) {
  const auto& reply = driver.outcomes.at(message).at(0).reply;
  return reply ? reply->summary() : "none";
}

Cause cause_of(const Driver& driver, std::size_t message) {
  const auto& error = driver.outcomes.at(message).at(0).error;
  return error ? error->cause : Cause::internal;
}

// --- DATA

TEST(Following, TheNextEnvelopeGoesWithTheDot) {
  Queue queue(3);
  queue.play({{"", greeting},
              {hello, pipelining_ehlo},
              {asks, let_in},
              {content + asks, "250 a\r\n" + let_in},
              {content + asks, "250 b\r\n" + let_in},
              {content, "250 c\r\n"}});
  ASSERT_EQ(queue.outcomes.size(), 3U);
  EXPECT_EQ(reply_of(queue, 0), "250 a");
  EXPECT_EQ(reply_of(queue, 1), "250 b");
  EXPECT_EQ(reply_of(queue, 2), "250 c");
  EXPECT_EQ(queue.most_beyond, 1U);
  EXPECT_TRUE(queue.session.reusable());
}

TEST(Following, EachReplyMayComeAlone) {
  Queue queue(2);
  queue.play({{"", greeting},
              {hello, pipelining_ehlo},
              {asks, let_in},
              {content + asks, "250 a\r\n"},
              {"", ok},
              {"", ok},
              {"", go_on},
              {content, "250 b\r\n"}});
  EXPECT_EQ(queue.outcomes.size(), 2U);
}

TEST(Following, NotWithoutPipelining) {
  Queue queue(2);
  queue.converse({greeting, bare_ehlo, ok, ok, go_on});
  EXPECT_EQ(queue.begun(), 1U);
  queue.hear(ok);
  EXPECT_EQ(queue.begun(), 2U);
}

TEST(Following, NotBeforeTheLastIsSaidWhole) {
  Queue queue(2);
  queue.pieces = {"A: b\n\n", ".hi\n"};
  queue.converse({greeting, pipelining_ehlo, ok + ok});
  EXPECT_FALSE(queue.session.takes_another({}));
  queue.session.receive(go_on);
  ASSERT_TRUE(std::holds_alternative<NeedBody>(queue.session.next()));
  queue.session.body("A: b\n\n", false);
  EXPECT_FALSE(queue.session.takes_another({}));
  queue.session.body(".hi\n", true);
  EXPECT_FALSE(queue.session.takes_another({})) << "its barrier is still to be passed";
  queue.follows = false;
  EXPECT_TRUE(queue.advance());
  EXPECT_TRUE(queue.session.takes_another({}));
}

TEST(Following, ARefusalIsOfOneMessage) {
  for (const auto& [reply, verdict] :
       {std::pair{"550 5.7.1 no\r\n", Verdict::refused},
        std::pair{"451 4.3.0 later\r\n", Verdict::refused_for_now}}) {
    Queue queue(2);
    queue.converse({greeting, pipelining_ehlo, let_in, std::string(reply).append(let_in), ok});
    ASSERT_EQ(queue.outcomes.size(), 2U);
    EXPECT_EQ(queue.verdict_of(0), verdict);
    EXPECT_EQ(queue.verdict_of(1), Verdict::accepted);
  }
}

TEST(Following, ClosingIsForTheFirst) {
  for (const auto& tail : {std::string(), let_in}) {
    Queue queue(2);
    queue.converse(
        {greeting, pipelining_ehlo, let_in, std::string("421 4.3.2 bye\r\n").append(tail)});
    ASSERT_EQ(queue.outcomes.size(), 2U);
    EXPECT_EQ(queue.verdict_of(0), Verdict::refused_for_now);
    EXPECT_EQ(queue.verdict_of(1), Verdict::not_tried);
    EXPECT_EQ(reply_of(queue, 1), "none");
    EXPECT_TRUE(queue.ended.has_value());
  }
}

TEST(Following, ClosingAtTheNextMailLeavesTheFirst) {
  Queue queue(2);
  queue.converse({greeting, pipelining_ehlo, let_in, ok + "421 4.3.2 enough\r\n"});
  ASSERT_EQ(queue.outcomes.size(), 2U);
  EXPECT_EQ(queue.verdict_of(0), Verdict::accepted);
  EXPECT_EQ(queue.verdict_of(1), Verdict::refused_for_now);
}

TEST(Following, ARefusedSenderIsOfOneMessage) {
  Queue queue(3);
  queue.play({{"", greeting},
              {hello, pipelining_ehlo},
              {asks, let_in},
              {content + asks, "250 a\r\n550 5.7.1 you\r\n503 r\r\n503 d\r\n"},
              {"RSET\r\n", ok},
              {asks, let_in},
              {content, "250 c\r\n"}});
  ASSERT_EQ(queue.outcomes.size(), 3U);
  EXPECT_EQ(reply_of(queue, 0), "250 a");
  EXPECT_EQ(reply_of(queue, 1), "550 5.7.1 you");
  EXPECT_EQ(reply_of(queue, 2), "250 c");
}

TEST(Following, RefusedRecipientsAreOfOneMessage) {
  Queue queue(3);
  queue.play({{"", greeting},
              {hello, pipelining_ehlo},
              {asks, let_in},
              {content + asks, "250 a\r\n" + ok + "550 5.1.1 who\r\n" + go_on},
              {".\r\n", "554 nobody\r\n"},
              {asks, let_in},
              {content, "250 c\r\n"}});
  ASSERT_EQ(queue.outcomes.size(), 3U);
  EXPECT_EQ(reply_of(queue, 0), "250 a");
  EXPECT_EQ(reply_of(queue, 1), "550 5.1.1 who");
  EXPECT_EQ(reply_of(queue, 2), "250 c");
  EXPECT_EQ(queue.barriers, 2);
}

/// The lone dot is no message, even where the server calls it one.
TEST(Following, NobodyIsServedByALoneDot) {
  Queue queue(2);
  queue.converse({greeting, pipelining_ehlo, let_in, ok + ok + "450 4.2.1 later\r\n" + go_on,
                  "250 queued\r\n"});
  ASSERT_EQ(queue.outcomes.size(), 2U);
  EXPECT_EQ(queue.verdict_of(1), Verdict::refused_for_now);
  EXPECT_EQ(queue.commit_points[1], 0U);
  EXPECT_TRUE(queue.session.reusable());
}

TEST(Following, SomeRecipientsOfTheNext) {
  Queue queue(2);
  queue.letters = {{}, {{"x\n"}, {*Address::parse("a@x.y"), *Address::parse("b@x.y")}}};
  queue.converse({greeting, pipelining_ehlo, let_in,
                  ok + ok + "550 5.1.1 a\r\n" + "250 b\r\n" + go_on, "250 queued\r\n"});
  ASSERT_EQ(queue.outcomes.size(), 2U);
  ASSERT_EQ(queue.outcomes[0].size(), 1U);
  ASSERT_EQ(queue.outcomes[1].size(), 2U);
  EXPECT_EQ(queue.outcomes[1][0].verdict, Verdict::refused);
  EXPECT_EQ(queue.outcomes[1][1].verdict, Verdict::accepted);
}

/// What is refused without a word is told after those before it.
TEST(Following, RefusedUnsaidWaitsForItsTurn) {
  struct Case {
    std::string ehlo;
    std::string body;
    Cause cause;
  };
  for (const Case& one : {Case{"250-me\r\n250-SIZE 99\r\n250 PIPELINING\r\n",
                               std::string(100, 'x') + "\n", Cause::too_large},
                          Case{pipelining_ehlo, "A: b\n\n\xc3\xa4\n", Cause::needs_8bitmime}}) {
    Queue queue(3);
    queue.letters = {{}, {{one.body}, {*Address::parse("r@x.y")}}, {}};
    queue.converse({greeting, one.ehlo, let_in});
    EXPECT_EQ(queue.begun(), 2U);
    EXPECT_TRUE(queue.outcomes.empty()) << "the second before the first";
    EXPECT_EQ(queue.wire.substr(queue.wire.size() - content.size()), content);
    queue.converse({"451 a\r\n", let_in, "250 c\r\n"});
    ASSERT_EQ(queue.outcomes.size(), 3U);
    EXPECT_EQ(reply_of(queue, 0), "451 a");
    EXPECT_EQ(queue.verdict_of(1), Verdict::refused);
    EXPECT_EQ(cause_of(queue, 1), one.cause);
    EXPECT_EQ(reply_of(queue, 2), "250 c");
  }
}

TEST(Following, RefusedUnsaidIsRefusedThoughTheFirstIsInDoubt) {
  Queue queue(2);
  queue.letters = {{}, {{"A: b\n\n\xc3\xa4\n"}, {*Address::parse("r@x.y")}}};
  queue.converse({greeting, pipelining_ehlo, let_in});
  queue.session.lost(cut);
  queue.advance();
  ASSERT_EQ(queue.outcomes.size(), 2U);
  EXPECT_EQ(queue.verdict_of(0), Verdict::in_doubt);
  EXPECT_EQ(queue.verdict_of(1), Verdict::refused);
}

// --- BDAT

TEST(Window, OfOneHoldsASingleFlightBack) {
  Queue queue(2);
  queue.play({{"", greeting},
              {hello, full_ehlo},
              {flight, ok + ok},
              {"", "250 a\r\n"},
              {flight, ok + ok + ok}});
  EXPECT_EQ(queue.outcomes.size(), 2U);
  EXPECT_EQ(queue.most_beyond, 1U);
}

TEST(Window, OfOneLetsTheEnvelopeOfALargeOneGo) {
  Queue queue(2);
  queue.letters = {{}, {{large, "tail\n"}, {*Address::parse("r@x.y")}}};
  queue.converse({greeting, full_ehlo});
  EXPECT_EQ(queue.said(), hello + flight + "MAIL FROM:<s@x.y> SIZE=70006\r\nRCPT TO:<r@x.y>\r\n");
  queue.hear(ok + ok);
  EXPECT_EQ(queue.said(), "");
  queue.hear("250 a\r\n");
  EXPECT_EQ(queue.said(), "") << "nobody to receive it is known yet";
  queue.hear(ok + ok);
  EXPECT_EQ(queue.said(), "BDAT 70000\r\n" + large + "BDAT 6 LAST\r\ntail\r\n");
  queue.hear(ok + "250 b\r\n");
  ASSERT_EQ(queue.outcomes.size(), 2U);
  EXPECT_EQ(reply_of(queue, 1), "250 b");
}

TEST(Window, OfThreeIsNeverExceeded) {
  Queue queue(5, 3);
  queue.play({{"", greeting},
              {hello, full_ehlo},
              {flight + flight + flight, ok + ok + "250 a\r\n"},
              {flight, ok + ok + "250 b\r\n" + ok + ok + "550 c\r\n"},
              {flight, ok + ok + "250 d\r\n"},
              {"", ok + ok + "250 e\r\n"}});
  ASSERT_EQ(queue.outcomes.size(), 5U);
  const std::vector<std::string> replies = {"250 a", "250 b", "550 c", "250 d", "250 e"};
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(reply_of(queue, i), replies[i]);
  EXPECT_EQ(queue.most_beyond, 3U);
}

/// An owner who begins more than the session takes has its envelope said, and no more.
TEST(Window, IsKeptWhereTheOwnerDoesNotAsk) {
  Queue queue(1, 1);
  queue.converse({greeting, full_ehlo});
  queue.session.begin({*Address::parse("s@x.y"), queue.recipients, {}});
  queue.commit_points.push_back(0);
  queue.advance();
  EXPECT_EQ(queue.barriers, 1);
  queue.hear(ok + ok);
  EXPECT_EQ(queue.barriers, 1);
  queue.session.receive("250 a\r\n");
  ASSERT_TRUE(std::holds_alternative<TransactionEnded>(queue.session.next()));
  EXPECT_TRUE(std::holds_alternative<NeedBody>(queue.session.next()));
}

/// Exim answers the last chunk with 503 where it refused all recipients, and keeps the envelope.
TEST(LeftOpen, IsTakenBackWithTheNextEnvelope) {
  Queue queue(2);
  queue.follows = false;
  queue.converse({greeting, full_ehlo, ok + "550 who\r\n503 no recipients\r\n"});
  const std::size_t said = queue.wire.rfind("RSET");
  ASSERT_NE(said, std::string::npos) << queue.wire;
  EXPECT_EQ(queue.wire.compare(said, 16, "RSET\r\nMAIL FROM:"), 0) << "in one flight";
  queue.hear(ok + ok + ok + ok);
  EXPECT_EQ(queue.verdict_of(0), Verdict::refused);
  EXPECT_EQ(queue.verdict_of(1), Verdict::accepted);
}

TEST(LeftOpen, IsTakenBackAtOnceWithoutPipelining) {
  Driver driver(plain_options());
  driver.converse({greeting, "250-me\r\n250 CHUNKING\r\n", ok, ok, "451 later\r\n"});
  EXPECT_TRUE(driver.wire.ends_with("RSET\r\n")) << driver.wire;
  driver.hear(ok);
  EXPECT_TRUE(driver.session.reusable());
}

TEST(LeftOpen, WhereRsetIsRefusedNobodyIsServedByTheOldEnvelope) {
  Queue queue(2);
  queue.follows = false;
  queue.letters = {{}, {{large, "tail\n"}, {*Address::parse("r@x.y")}}};
  queue.converse({greeting, full_ehlo, ok + "550 who\r\n503 no recipients\r\n",
                  "502 no RSET\r\n503 sender already given\r\n" + ok});
  EXPECT_EQ(queue.verdict_of(1), Verdict::not_tried);
  EXPECT_EQ(queue.session.state(), State::ended);
  EXPECT_EQ(queue.barriers, 1) << "the second was not completed";
}

TEST(LeftOpen, WhereTheNextEnvelopeIsSaidAlreadyItIsNotTried) {
  Queue queue(2);
  queue.letters = {{}, {{large, "tail\n"}, {*Address::parse("r@x.y")}}};
  queue.converse({greeting, full_ehlo});
  ASSERT_EQ(queue.begun(), 2U);
  queue.hear(ok + "550 who\r\n503 no recipients\r\n503 sender already given\r\n" + ok);
  EXPECT_EQ(queue.verdict_of(0), Verdict::refused);
  EXPECT_EQ(queue.verdict_of(1), Verdict::not_tried);
  EXPECT_EQ(queue.session.state(), State::ended);
  EXPECT_EQ(queue.barriers, 1) << "the second was not completed";
}

/// With a window of two the second is beyond its commit point when the server shows what it did.
TEST(LeftOpen, WhatWentByTheOldEnvelopeIsInDoubt) {
  Queue queue(2, 2);
  queue.converse({greeting, full_ehlo});
  ASSERT_EQ(queue.begun(), 2U);
  queue.hear(ok + "550 who\r\n503 no recipients\r\n503 sender already given\r\n" + ok + ok);
  EXPECT_EQ(queue.verdict_of(0), Verdict::refused);
  EXPECT_EQ(queue.verdict_of(1), Verdict::in_doubt);
}

TEST(LeftOpen, WhatDidNotGoIsTriedAgain) {
  Queue queue(2, 2);
  queue.converse({greeting, full_ehlo});
  queue.hear(ok +
             "550 who\r\n503 no recipients\r\n503 sender already given\r\n503 no\r\n503 no\r\n");
  EXPECT_EQ(queue.verdict_of(1), Verdict::refused_for_now);
}

TEST(Window, ARefusedOneIsSettledByItsOwnReplies) {
  Queue queue(3, 3);
  queue.converse(
      {greeting, full_ehlo,
       ok + ok + "250 a\r\n" + "550 5.7.1 you\r\n503 r\r\n503 d\r\n" + ok + ok + "250 c\r\n"});
  ASSERT_EQ(queue.outcomes.size(), 3U);
  EXPECT_EQ(reply_of(queue, 0), "250 a");
  EXPECT_EQ(reply_of(queue, 1), "550 5.7.1 you");
  EXPECT_EQ(reply_of(queue, 2), "250 c");
}

TEST(Window, ClosingLeavesTheOthersInDoubt) {
  Queue queue(3, 3);
  queue.converse({greeting, full_ehlo, ok + ok + "421 4.3.2 bye\r\n"});
  ASSERT_EQ(queue.outcomes.size(), 3U);
  EXPECT_EQ(queue.verdict_of(0), Verdict::refused_for_now);
  EXPECT_EQ(queue.verdict_of(1), Verdict::in_doubt);
  EXPECT_EQ(queue.verdict_of(2), Verdict::in_doubt);
}

// --- withdrawn

TEST(Withdrawn, TheLastLeavesThoseBeforeIt) {
  Queue queue(3, 3);
  queue.withdraws_at = 3;
  queue.converse({greeting, full_ehlo});
  EXPECT_EQ(queue.wire.substr(queue.wire.size() - 14), "BDAT 13 LAST\r\n");
  EXPECT_EQ(queue.commit_points[2], 0U);
  queue.converse({ok + ok + "250 a\r\n", ok + ok, "550 b\r\n"});
  ASSERT_EQ(queue.outcomes.size(), 3U);
  EXPECT_EQ(reply_of(queue, 0), "250 a");
  EXPECT_EQ(reply_of(queue, 1), "550 b");
  EXPECT_EQ(queue.verdict_of(2), Verdict::not_tried);
  EXPECT_EQ(cause_of(queue, 2), Cause::cancelled);
  ASSERT_TRUE(queue.ended && queue.ended->error);
  EXPECT_EQ(queue.ended->error->cause, Cause::cancelled);
}

/// What the server says to the withdrawn one is nobody's.
TEST(Withdrawn, ItsRepliesSettleNobody) {
  Queue queue(2, 2);
  queue.withdraws_at = 2;
  queue.converse({greeting, full_ehlo, ok + ok + "250 a\r\n" + ok + ok + "250 b\r\n"});
  ASSERT_EQ(queue.outcomes.size(), 2U);
  EXPECT_EQ(queue.verdict_of(0), Verdict::accepted);
  EXPECT_EQ(queue.verdict_of(1), Verdict::not_tried);
}

TEST(Withdrawn, ThenTheLineBreaks) {
  Queue queue(2, 2);
  queue.withdraws_at = 2;
  queue.converse({greeting, full_ehlo, ok + ok});
  queue.session.lost(cut);
  queue.advance();
  ASSERT_EQ(queue.outcomes.size(), 2U);
  EXPECT_EQ(queue.verdict_of(0), Verdict::in_doubt);
  EXPECT_EQ(queue.verdict_of(1), Verdict::not_tried);
}

// ---- 421 to an earlier command of a message that the server has as a whole

/// REPLIES to MAIL, two times RCPT and the message, all said in one flight; then the line ends by
/// CAUSE.
std::vector<Verdict> after_farewell(const std::string& replies, Cause cause) {
  Queue queue(1);
  queue.recipients = {*Address::parse("a@x.y"), *Address::parse("b@x.y")};
  queue.converse({greeting, full_ehlo, replies});
  queue.session.lost({cause, Phase::none, "cut", ""});
  queue.advance();
  EXPECT_TRUE(queue.ended.has_value());
  EXPECT_EQ(queue.outcomes.size(), 1U);
  return {queue.verdict(0), queue.verdict(1)};
}

TEST(Farewell, IsTheLastWordIfTheLineEnds) {
  for (const char* replies :
       {"421 bye\r\n", "250 m\r\n421 bye\r\n", "250 m\r\n250 a\r\n421 bye\r\n"}) {
    EXPECT_EQ(after_farewell(replies, Cause::connection_lost),
              std::vector(2, Verdict::refused_for_now))
        << replies;
  }
}

TEST(Farewell, OfAServerThatStaysLeavesDoubt) {
  EXPECT_EQ(after_farewell("250 m\r\n421 bye\r\n", Cause::timed_out),
            (std::vector{Verdict::refused_for_now, Verdict::in_doubt}));
  EXPECT_EQ(after_farewell("250 m\r\n421 bye\r\nwhat\r\n", Cause::connection_lost),
            (std::vector{Verdict::refused_for_now, Verdict::in_doubt}));
}

/// It said that it would close, and takes the message after all: to send again would be twice.
TEST(Farewell, IsNotBelievedOfOneThatTakesTheMessage) {
  EXPECT_EQ(after_farewell("250 m\r\n421 bye\r\n250 b\r\n250 taken\r\n", Cause::connection_lost),
            (std::vector{Verdict::refused_for_now, Verdict::accepted}));
  EXPECT_EQ(after_farewell("421 bye\r\n250 a\r\n250 b\r\n250 taken\r\n", Cause::timed_out),
            std::vector(2, Verdict::in_doubt));
}

TEST(Farewell, IsOfOneMessage) {
  Queue queue(2, 2);
  queue.converse({greeting, full_ehlo, ok + "421 bye\r\n"});
  queue.session.lost(cut);
  queue.advance();
  ASSERT_EQ(queue.outcomes.size(), 2U);
  EXPECT_EQ(queue.verdict_of(0), Verdict::refused_for_now);
  EXPECT_EQ(queue.verdict_of(1), Verdict::in_doubt);
}

TEST(Withdrawn, ThenTheServerCloses) {
  Queue queue(2, 2);
  queue.withdraws_at = 2;
  queue.converse({greeting, full_ehlo, ok + ok + "421 bye\r\n"});
  ASSERT_EQ(queue.outcomes.size(), 2U);
  EXPECT_EQ(queue.verdict_of(0), Verdict::refused_for_now);
  EXPECT_EQ(queue.verdict_of(1), Verdict::not_tried);
  EXPECT_TRUE(queue.ended.has_value());
}

TEST(Withdrawn, TakesNoOther) {
  Queue queue(3, 3);
  queue.withdraws_at = 2;
  queue.converse({greeting, full_ehlo});
  EXPECT_EQ(queue.begun(), 2U);
  queue.hear(ok + ok + ok);
  EXPECT_EQ(queue.begun(), 2U);
  EXPECT_TRUE(queue.ended.has_value());
}

/// A message that cannot be read on is withdrawn where its next piece is asked for.
TEST(Withdrawn, InTheMiddleOfItsBody) {
  Session session(with_window(2));
  const auto say_all = [&session] {
    Output output = session.next();
    for (; std::holds_alternative<Send>(output) || std::holds_alternative<CommitFollows>(output);
         output = session.next()) {
      if (const auto* send = std::get_if<Send>(&output)) session.sent(send->bytes.size());
    }
    return output;
  };
  session.receive(greeting);
  say_all();
  session.receive(full_ehlo);
  const Envelope small{*Address::parse("s@x.y"), {*Address::parse("r@x.y")}, {}};
  session.begin(small);
  say_all();
  session.body("a\n", true);
  say_all();
  session.begin(small);
  ASSERT_TRUE(std::holds_alternative<NeedBody>(say_all()));
  session.body("b\n", false);
  ASSERT_TRUE(std::holds_alternative<NeedBody>(say_all()));
  session.withdraw({Cause::storage, Phase::body, "unreadable", ""});
  ASSERT_TRUE(std::holds_alternative<NeedInput>(session.next())) << "the first is waited for";
  session.receive(ok + ok + ok);
  for (const Verdict verdict : {Verdict::accepted, Verdict::not_tried}) {
    const Output output = session.next();
    ASSERT_TRUE(std::holds_alternative<TransactionEnded>(output));
    EXPECT_EQ(std::get<TransactionEnded>(output).outcomes.at(0).verdict, verdict);
  }
  EXPECT_TRUE(std::holds_alternative<Ended>(session.next()));
}

// --- replies that are nobody's

/// With DATA a reply too many is found out at the next 354, before anything is handed over.
TEST(Surplus, AReplyTooManySettlesNobodyElse) {
  for (const char* extra : {"250 again\r\n", "550 no\r\n", "354 what\r\n", "what\r\n"}) {
    Queue queue(3);
    queue.converse({greeting, pipelining_ehlo, let_in});
    queue.hear(std::string("250 a\r\n").append(extra).append(let_in));
    for (const char* more : {"250 b\r\n", "250 c\r\n"}) queue.hear(more);
    ASSERT_GE(queue.outcomes.size(), 2U) << extra;
    EXPECT_EQ(reply_of(queue, 0), "250 a");
    EXPECT_NE(queue.verdict_of(1), Verdict::accepted) << extra;
    EXPECT_NE(queue.verdict_of(1), Verdict::in_doubt) << extra;
  }
}

/// It began before the next MAIL was handed over, so it cannot answer that.
TEST(Surplus, AReplyTooEarlyIsNotBelieved) {
  Queue queue(1);
  queue.converse({greeting, pipelining_ehlo, let_in});
  queue.session.begin({*Address::parse("s@x.y"), queue.recipients, {}});
  queue.commit_points.push_back(0);
  queue.session.receive("250 a\r\n250 too early\r\n");
  queue.advance();
  ASSERT_EQ(queue.outcomes.size(), 2U);
  EXPECT_EQ(queue.verdict_of(0), Verdict::accepted);
  EXPECT_EQ(queue.verdict_of(1), Verdict::not_tried);
  EXPECT_EQ(cause_of(queue, 1), Cause::protocol);
}

TEST(Surplus, GarbageAfterTheFirstLeavesTheOthersToTheirCommitPoint) {
  Queue queue(3, 3);
  queue.converse({greeting, full_ehlo, ok + ok + "250 a\r\n" + "what\r\n"});
  ASSERT_EQ(queue.outcomes.size(), 3U);
  EXPECT_EQ(queue.verdict_of(0), Verdict::accepted);
  EXPECT_EQ(queue.verdict_of(1), Verdict::in_doubt);
  EXPECT_EQ(queue.verdict_of(2), Verdict::in_doubt);
}

/// All three are answered before the third is handed over whole.
TEST(Surplus, AnAnswerBeforeTheLastOctetIsNotBelieved) {
  const std::string answers = ok + ok + "250 a\r\n" + ok + ok + "250 b\r\n" + ok + ok;
  for (const bool completed : {false, true}) {
    Session session(with_window(3));
    const auto hand_over_but = [&session](std::size_t left) {
      for (Output output = session.next(); !std::holds_alternative<NeedInput>(output);
           output = session.next()) {
        const auto* send = std::get_if<Send>(&output);
        if (std::holds_alternative<NeedBody>(output)) session.body("A: b\n\n.hi\n", true);
        if (send != nullptr) session.sent(send->bytes.size() - (send->completes ? left : 0));
      }
    };
    session.receive(greeting);
    hand_over_but(0);
    session.receive(full_ehlo);
    const Envelope one{*Address::parse("s@x.y"), {*Address::parse("r@x.y")}, {}};
    for (const std::size_t left : {0U, 0U, 1U}) {
      session.begin(one);
      hand_over_but(left);
    }
    session.receive(answers + "25");
    if (completed) session.sent(1);
    session.receive("0 c\r\n");
    std::vector<Verdict> verdicts;
    for (Output output = session.next(); std::holds_alternative<TransactionEnded>(output);
         output = session.next()) {
      verdicts.push_back(std::get<TransactionEnded>(output).outcomes.at(0).verdict);
    }
    EXPECT_EQ(verdicts, (std::vector<Verdict>{Verdict::accepted, Verdict::accepted,
                                              completed ? Verdict::in_doubt : Verdict::not_tried}));
  }
}

}  // namespace
}  // namespace sendonce::smtp
