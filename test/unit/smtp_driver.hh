// Plays owner, line and server of a Session, by literal bytes.  Knows no SMTP of its own: the test
// says what the server answers to what.

#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smtp/session.hh"

namespace sendonce::smtp {

using Verdict = RecipientOutcome::Verdict;

/// One exchange of a script: the octets that must be said, and what the server answers.
struct Step {
  std::string says;
  std::string answer;
};

/// What one message is, where those of a test differ.
struct Letter {
  std::vector<std::string> pieces = {"A: b\n\n.hi\n"};
  std::vector<Address> recipients = {*Address::parse("r@x.y")};
};

/// After a sign-in by this mechanism the line must prove that it lives.
inline constexpr std::string_view unproven = "DIGEST-MD5";

struct Driver {
  explicit Driver(SessionOptions options = {}) : session(std::move(options)) {}

  Session session;
  std::vector<std::string> pieces = {"A: b\n\n.hi\n"};  // the message, as it is handed over
  std::vector<Address> recipients = {*Address::parse("r@x.y")};
  std::vector<Letter> letters;  // the messages in turn, where they are not all the same
  int messages = 1;             // how many to send
  bool follows = false;         // begins the next one where the session takes another
  bool withdraws = false;       // at CommitFollows
  int withdraws_at = 0;         // at that CommitFollows, counted from 1
  bool aborts = false;          // at a challenge
  std::uint64_t line_takes =
      std::numeric_limits<std::uint64_t>::max();  // octets, then the line is lost

  std::string wire;  // all that was handed to the line
  std::vector<std::vector<RecipientOutcome>> outcomes;
  std::vector<bool> sign_ins;
  std::optional<Ended> ended;
  std::uint64_t commit_point = 0;            // octets of wire when the session was committed
  std::vector<std::uint64_t> commit_points;  // by message: octets of wire when it was whole, or 0
  std::size_t most_beyond = 0;  // messages that were handed over whole without an outcome, at once
  int barriers = 0;

  /// Goes on until input is needed (true) or nothing is left to do.
  bool advance() {
    for (int steps = 0; steps < 10000; ++steps) {
      Output output = session.next();
      if (std::holds_alternative<NeedInput>(output)) {
        if (!follows || !takes_next()) return true;
        begin_next();
      } else if (!perform(output)) {
        return false;
      }
    }
    ADD_FAILURE() << "the session never rests, in state " << state_name(session.state());
    return false;
  }

  /// The server says BYTES; then `advance`.
  bool hear(std::string_view bytes) {
    session.receive(bytes);
    return advance();
  }

  /// The server says all of ANSWERS, each when input is needed.
  void converse(const std::vector<std::string>& answers) {
    bool listens = advance();
    for (const std::string& answer : answers) {
      ASSERT_TRUE(listens) << "nobody waits for " << answer;
      listens = hear(answer);
    }
  }

  /// Follows a script to its end; ANSWER "" waits for nothing.
  void play(const std::vector<Step>& steps) {
    bool listens = advance();
    for (const Step& step : steps) {
      ASSERT_EQ(said(), step.says);
      if (step.answer.empty()) continue;
      ASSERT_TRUE(listens) << "nobody waits for " << step.answer;
      listens = hear(step.answer);
    }
  }

  [[nodiscard]] Verdict verdict(std::size_t recipient = 0) const {
    return outcomes.at(0).at(recipient).verdict;
  }
  /// Messages that are handed over whole and have no outcome yet.
  [[nodiscard]] std::size_t beyond() const {
    std::size_t count = 0;
    for (std::size_t i = outcomes.size(); i < commit_points.size(); ++i)
      count += commit_points[i] > 0 ? 1U : 0U;
    return count;
  }
  [[nodiscard]] Verdict verdict_of(std::size_t message) const {
    return outcomes.at(message).at(0).verdict;
  }
  /// How many messages were begun.
  [[nodiscard]] std::size_t begun() const { return static_cast<std::size_t>(begun_); }
  /// Was a message begun?
  [[nodiscard]] bool message_begun() const { return begun_ > 0; }
  /// What was said since the last call.
  std::string said() {
    std::string now = wire.substr(told_);
    told_ = wire.size();
    return now;
  }

 private:
  void hand_over(std::string_view bytes, MessageNumber completes = 0) {
    const std::uint64_t room = line_takes - std::min<std::uint64_t>(line_takes, wire.size());
    const std::string_view taken = bytes.substr(0, room);
    wire += taken;
    const bool before = session.committed();
    session.sent(taken.size());
    if (session.committed() && !before) commit_point = wire.size();
    if (completes > 0 && taken.size() == bytes.size()) {
      commit_points.at(completes - 1) = wire.size();
      most_beyond = std::max(most_beyond, beyond());
    }
    if (taken.size() < bytes.size()) session.lost({Cause::connection_lost, Phase::none, "cut", ""});
  }

  bool perform(Output& output) {
    if (auto* send = std::get_if<Send>(&output)) {
      hand_over(send->bytes, send->completes ? send->message : 0);
    } else if (auto* secret = std::get_if<SendSecret>(&output)) {
      hand_over(secret->bytes.reveal());
    } else if (std::holds_alternative<StartTls>(output)) {
      wire += "<TLS>";
      session.sent(0);
      session.tls_established();
    } else if (std::holds_alternative<NeedSignIn>(output)) {
      sign_in();
    } else if (std::holds_alternative<Challenge>(output)) {
      aborts ? session.abort_auth() : session.respond(Secret("cmVzcG9uc2U="));
    } else if (auto* signed_in = std::get_if<SignInEnded>(&output)) {
      sign_ins.push_back(signed_in->accepted);
    } else if (std::holds_alternative<NeedBody>(output)) {
      const Letter letter = letter_of(begun_);
      session.body(letter.pieces.at(piece_), piece_ + 1 == letter.pieces.size());
      ++piece_;
    } else if (std::holds_alternative<CommitFollows>(output)) {
      ++barriers;
      if (withdraws || barriers == withdraws_at)
        session.withdraw({Cause::cancelled, Phase::none, "withdrawn", ""});
    } else if (auto* transaction = std::get_if<TransactionEnded>(&output)) {
      outcomes.push_back(transaction->outcomes);
    } else if (auto* over = std::get_if<Ended>(&output)) {
      ended = *over;
      return false;
    } else {
      return begin_next();  // Ready
    }
    return true;
  }

  void sign_in() {
    if (session.capabilities().mechanisms.size() <= sign_ins.size()) return session.skip_sign_in();
    const std::string& name = session.capabilities().mechanisms[sign_ins.size()];
    session.authenticate(*MechanismName::parse(name), std::nullopt, name == unproven);
  }

  /// Message NUMBER, counted from 1.
  [[nodiscard]] Letter letter_of(int number) const {
    const auto place = static_cast<std::size_t>(number - 1);
    return place < letters.size() ? letters[place] : Letter{pieces, recipients};
  }

  [[nodiscard]] Envelope envelope_of(int number) const {
    const Letter letter = letter_of(number);
    std::string whole;
    for (const std::string& piece : letter.pieces) whole += piece;
    return {*Address::parse("s@x.y"), letter.recipients, examine_body(whole)};
  }

  [[nodiscard]] bool takes_next() const {
    return begun_ < messages && session.takes_another(envelope_of(begun_ + 1).facts);
  }

  bool begin_next() {
    if (begun_ == messages) return false;
    ++begun_;
    piece_ = 0;
    commit_points.push_back(0);
    session.begin(envelope_of(begun_));
    return true;
  }

  std::size_t piece_ = 0;
  std::size_t told_ = 0;
  int begun_ = 0;
};

inline SessionOptions plain_options() {
  SessionOptions options;
  options.tls = TlsMode::none;
  return options;
}

inline const std::string greeting = "220 hi\r\n";
inline const std::string bare_ehlo = "250 me\r\n";
inline const std::string full_ehlo =
    "250-me\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n250 CHUNKING\r\n";
inline const std::string pipelining_ehlo = "250-me\r\n250 PIPELINING\r\n";
inline const std::string ok = "250 2.0.0 ok\r\n";

}  // namespace sendonce::smtp
