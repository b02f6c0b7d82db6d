// What an attempt's end makes of a recipient; DESIGN's table of states, cause by cause.

#include "engine/verdict.hh"

#include <gtest/gtest.h>

namespace sendonce::engine {
namespace {

using Verdict = smtp::RecipientOutcome::Verdict;
using outbox::State;

smtp::Reply reply(int code, std::string text) { return {code, {std::move(text)}}; }

TEST(OutcomeOf, AReplyDecides) {
  const auto sent =
      outcome_of({Verdict::accepted, reply(250, "2.0.0 queued as 4F2"), std::nullopt});
  EXPECT_EQ(sent.state, State::sent);
  EXPECT_EQ(sent.code, 250);
  EXPECT_EQ(sent.reply, "250 2.0.0 queued as 4F2");
  EXPECT_EQ(outcome_of({Verdict::refused, reply(550, "no"), std::nullopt}).state, State::failed);
  EXPECT_EQ(outcome_of({Verdict::refused_for_now, reply(450, "later"), std::nullopt}).state,
            State::deferred);
}

TEST(OutcomeOf, DoubtStaysDoubtWhateverTheCause) {
  for (int cause = 0; cause <= static_cast<int>(Cause::storage_full); ++cause) {
    const Error error{static_cast<Cause>(cause), Phase::end_of_data, "x", ""};
    EXPECT_EQ(outcome_of({Verdict::in_doubt, std::nullopt, error}).state, State::in_doubt);
    // Without the commit point nothing is ever in doubt, and nothing ever sent.
    const State before = outcome_of({Verdict::not_tried, std::nullopt, error}).state;
    EXPECT_TRUE(before == State::deferred || before == State::failed);
  }
}

TEST(Disposition, WaitsForTheNetworkAndNotForTheUser) {
  EXPECT_EQ(disposition({Cause::name_not_found, Phase::resolve, "", ""}), State::deferred);
  EXPECT_EQ(disposition({Cause::timed_out, Phase::mail, "", ""}), State::deferred);
  EXPECT_EQ(disposition({Cause::refused_for_now, Phase::greeting, "", "421 busy"}),
            State::deferred);
  EXPECT_EQ(disposition({Cause::auth_failed, Phase::sign_in, "", "535 no"}), State::failed);
  EXPECT_EQ(disposition({Cause::certificate, Phase::tls, "", ""}), State::failed);
}

TEST(Network, IsBlamedForWhatItCanMend) {
  EXPECT_TRUE(is_about_network("name-not-found") && is_about_network("unreachable"));
  EXPECT_FALSE(is_about_network("refused-for-now") || is_about_network("") ||
               is_about_network("declined"));
}

TEST(OutcomeOfError, KeepsTheServersCode) {
  const auto outcome =
      outcome_of(Error{Cause::refused, Phase::greeting, "The server refuses", "554 go away"});
  EXPECT_EQ(outcome.code, 554);
  EXPECT_EQ(outcome.reply, "The server refuses: 554 go away");
}

}  // namespace
}  // namespace sendonce::engine
