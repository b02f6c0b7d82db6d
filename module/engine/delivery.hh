// One attempt at one entry, from the account's name to the verdict on each recipient.
//
// `run` is the body of a line thread: account, the way to the server (approach.hh), message.
// `cancel` and `stop_waiting` may come from any thread at any time: before the commit barrier they
// end the attempt with nobody served; after it `cancel` comes too late and only `stop_waiting` ends
// the wait, in doubt. It makes barrier (2) itself; barrier (3) is the engine's, with what `run`
// returns.

#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "engine/approach.hh"
#include "engine/events.hh"
#include "engine/questions.hh"
#include "engine/settings.hh"
#include "engine/transcript.hh"
#include "net/wake.hh"
#include "outbox/outbox.hh"

namespace sendonce::engine {

class Delivery {
 public:
  /// ASK_ACCOUNT: the settings stored with the entry may be out of date.
  static Result<std::shared_ptr<Delivery>> make(Surroundings surroundings, outbox::Attempt attempt,
                                                bool ask_account);

  /// The whole attempt.  The result lacks only what policy adds (`next_try`).
  outbox::AttemptEnd run();
  /// After the result is recorded: the line, if it may carry another message; else it is closed,
  /// with QUIT.  From then on nobody can end its waits by this delivery.
  std::optional<KeptLine> release();
  /// What a line must have in common with ours to be used instead.
  [[nodiscard]] const std::string& line_key() const { return settings_text_; }
  [[nodiscard]] Seconds keep_alive() const { return settings_.keep_alive; }

  void cancel();
  void stop_waiting();

  [[nodiscard]] const outbox::Attempt& attempt() const { return attempt_; }
  /// Is it past the commit barrier, without its outcome?
  [[nodiscard]] bool committing() const { return beyond_ && !over_; }
  [[nodiscard]] std::string transcript() { return transcript_.text(); }
  void note(const std::string& text) { transcript_.note(text); }

 private:
  Delivery(Surroundings surroundings, outbox::Attempt attempt, bool ask_account, net::Wake wake);

  Status attempt_once(bool with_kept_line);
  Status prepare();
  void make_approach();
  bool adopt_line();
  [[nodiscard]] bool line_was_dead() const;
  void start_over();
  Status ask_account();
  Status examine_message();
  Status converse();
  Status decide(smtp::Output& output);
  Status begin_message();
  Status hand_over_body();
  void commit(const smtp::CommitFollows& commit);
  void take_outcomes(const smtp::TransactionEnded& ended);
  outbox::AttemptEnd conclude(const Status& status);
  void redact();
  void tell(Phase phase, std::uint64_t done, std::string detail = {});
  [[nodiscard]] Error given_up(std::string message) const;

  Surroundings surroundings_;
  const outbox::Attempt attempt_;
  const bool ask_account_;
  std::shared_ptr<net::Wake> wake_;
  Transcript transcript_;
  std::string settings_text_;
  Settings settings_;
  std::optional<Approach> approach_;
  smtp::BodyFacts facts_;
  std::string small_message_;  // the whole of it, when it is read in one piece
  std::int64_t offset_ = 0;    // of what was handed over
  bool adopted_ = false;       // the line had carried a message before
  std::vector<outbox::Outcome> outcomes_;
  std::optional<Error> decided_by_;  // the error behind the outcomes, if one is
  std::mutex withdrawing_;  // held while the barrier is passed, and while a wish to cancel is noted
  std::atomic<bool> cancelled_ = false;
  std::atomic<bool> beyond_ = false;
  std::atomic<bool> over_ = false;
};

}  // namespace sendonce::engine
