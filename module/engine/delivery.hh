// One attempt at one entry: the message's side of it, from the account's name to the verdict on
// each recipient.
//
// The line's side is the convoy's (convoy.hh), whose thread calls everything here but `cancel`,
// `stop_waiting`, `committing` and `transcript`: these may come from any thread at any time. Before
// the commit barrier they end the attempt with nobody served; after it `cancel` comes too late and
// only `stop_waiting` ends the wait, in doubt.

#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

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
  /// One that follows another on its line, and goes by the settings of that.
  static std::shared_ptr<Delivery> make_follower(Surroundings surroundings,
                                                 outbox::Attempt attempt);

  // --- before the line
  /// Settings and facts of the message.  Errors: bad_argument, storage, cancelled.
  Status prepare();
  /// The same for one that goes by the settings of OTHER, which was prepared.
  Status prepare_like(const Delivery& other);
  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] const std::string& settings_text() const { return settings_text_; }
  [[nodiscard]] const smtp::BodyFacts& facts() const { return facts_; }

  // --- the line that it goes by
  /// Whose waits `cancel` and `stop_waiting` end from now on; nullptr: nobody's, as others wait
  /// there.
  void waits_by(std::shared_ptr<net::Wake> wake);
  [[nodiscard]] const std::shared_ptr<net::Wake>& wake() const { return wake_; }
  [[nodiscard]] bool cancelled() const { return cancelled_; }
  [[nodiscard]] const std::atomic<bool>& cancelled_flag() const { return cancelled_; }
  Transcript& record() { return transcript_; }
  void tell(Phase phase, std::uint64_t done, std::string detail);

  // --- the message
  Result<smtp::Envelope> envelope() const;
  /// The next piece, to a session that asks for it.
  void hand_over_body(smtp::Session& session);
  /// Barrier (2): calls PASS, which makes it durable for RECIPIENTS, unless there was a wish to
  /// cancel: that is either noted before, and heeded, or comes too late.  After an error nobody is
  /// served.
  Status commit(const std::vector<std::size_t>& recipients, const std::function<Status()>& pass);
  void take_outcomes(const smtp::TransactionEnded& ended);
  /// Was nobody served, by nobody's wish, so that another line may do better?
  [[nodiscard]] bool may_start_over() const;
  /// As if it had never been begun.
  void start_over();

  // --- the end
  /// What became of everybody, the words of servers told by REDACTED; STATUS where no outcomes were
  /// taken.  Lacks only what policy adds; a next try that it has is not to be put off.
  outbox::AttemptEnd conclude(const Status& status,
                              const std::function<std::string(const std::string&)>& redacted);

  void cancel();
  void stop_waiting();

  [[nodiscard]] const outbox::Attempt& attempt() const { return attempt_; }
  /// Is it past the commit barrier, without its outcome?
  [[nodiscard]] bool committing() const { return beyond_ && !over_; }
  [[nodiscard]] std::string transcript() { return transcript_.text(); }

 private:
  Delivery(Surroundings surroundings, outbox::Attempt attempt, bool ask_account,
           std::shared_ptr<net::Wake> wake);

  Status ask_account();
  Status examine_message();
  void redact(const std::function<std::string(const std::string&)>& redacted);
  [[nodiscard]] Error given_up() const;

  Surroundings surroundings_;
  const outbox::Attempt attempt_;
  const bool ask_account_;
  std::shared_ptr<net::Wake> wake_;
  Transcript transcript_;
  std::string settings_text_;
  Settings settings_;
  smtp::BodyFacts facts_;
  std::string small_message_;  // the whole of it, when it is read in one piece
  std::int64_t offset_ = 0;    // of what was handed over
  std::vector<outbox::Outcome> outcomes_;
  bool more_at_once_ = false;        // somebody is to go with another message, now
  std::optional<Error> decided_by_;  // the error behind the outcomes, if one is
  Phase told_phase_ = Phase::none;
  std::uint64_t told_done_ = 0;
  std::mutex withdrawing_;  // held while the barrier is passed, and while a wish to cancel is noted
  std::atomic<bool> cancelled_ = false;
  std::atomic<bool> beyond_ = false;
  std::atomic<bool> over_ = false;
};

}  // namespace sendonce::engine
