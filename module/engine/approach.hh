// The way from an account to a line that is ready for a message: resolve, connect, TLS, trust,
// hello, sign-in.
//
// Called by the one thread of a delivery or a checkup, which owns it.  It may take several lines: a
// certificate that the user accepts, a mechanism that takes the line with it, each want a new one.
// Asks Lisp through the Questions, remembers through the Findings.  Knows nothing of messages.

#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/dialogue.hh"
#include "engine/events.hh"
#include "engine/findings.hh"
#include "engine/line_pool.hh"
#include "engine/questions.hh"
#include "engine/settings.hh"
#include "engine/sign_in.hh"
#include "engine/transcript.hh"
#include "net/tls.hh"
#include "net/wake.hh"
#include "outbox/outbox.hh"

namespace sendonce::engine {

/// A line that was quiet for so long is asked whether it lives before a message goes: a server, or
/// a box on the way, may have forgotten it without a word.
constexpr Seconds probe_after{10};
/// If it has not answered by then, a new one is faster.
constexpr Seconds probe_patience{5};

/// What all lines of an engine share.
struct Surroundings {
  outbox::Outbox& outbox;
  EventSink& sink;
  Questions& questions;
  std::shared_ptr<net::TicketStore> tickets;
  LinePool& lines;  ///< where lines are kept
};

/// On whose behalf an approach is made.
struct Errand {
  EntryId entry = 0;  ///< whom questions and events are about
  std::shared_ptr<net::Wake> wake;
  const std::atomic<bool>& cancelled;
  Transcript& transcript;
  /// Told at each change of phase, and as the message goes out.
  Dialogue::Watcher watcher;
};

class Approach {
 public:
  /// SETTINGS must outlive it.
  Approach(Surroundings surroundings, Errand errand, const Settings& settings);

  /// Until the line is ready for a message.  Errors: those of resolve, connect, Line and SignIn;
  /// not_tls and implicit_tls where the port speaks otherwise than the account says; declined,
  /// cancelled.
  Status reach();
  /// Instead of `reach`: goes on with LINE.  PROBE: it is asked whether it lives, even if it was
  /// not quiet for long.  False: it has died since; `reach` is still possible.
  bool adopt(KeptLine line, bool probe);
  /// The line, to be kept for another message; afterwards there is none.  Only where it is ready
  /// for one, and takes one more.
  std::optional<KeptLine> release();
  /// The line has carried a message.
  void carried_one() { ++messages_; }
  [[nodiscard]] int carried() const { return messages_; }
  /// Does the line take another message after COUNT that are under way (RFC 9422, MAILMAX)?
  [[nodiscard]] bool has_room_after(std::size_t count) const;
  /// What takes the secrets of the line out of what is said on it; as long as this lives.
  [[nodiscard]] const Redactor* redactor() const;
  /// After `reach`, even one that failed.
  [[nodiscard]] bool has_line() const { return dialogue_.has_value(); }
  Dialogue& dialogue() { return *dialogue_; }
  [[nodiscard]] const Dialogue& dialogue() const { return *dialogue_; }
  /// The mechanism that the line was signed in by; "" for none.
  [[nodiscard]] std::string mechanism() const;
  /// What a server said, without the secrets that it was told, should it say them back.
  [[nodiscard]] std::string redacted(std::string_view text) const;
  [[nodiscard]] Error redacted(Error error) const;
  /// Forgets secrets.
  void wipe();

 private:
  void let_go();
  Redactor take_redactor();
  Status prepare();
  Status find_out_tls();
  Status take_line();
  Result<net::Descriptor> connect();
  std::optional<Error> blocked_port();
  Status open_dialogue();
  Status converse();
  Status decide(const smtp::Output& output);
  Status start_sign_in();
  Status after_sign_in(const smtp::SignInEnded& ended);
  void ready();
  bool new_line_helps(const Error& error);
  bool finds_out_anew(const Error& error);
  bool accepts_certificate();
  Error explained(Error error);
  std::optional<Error> ask_silent_port();

  Result<Secret> ask_secret(sasl::Needs kind, const std::string& refusal);
  std::optional<Secret> ask_key_secret(const net::KeySecretRequest& request);
  [[nodiscard]] net::TlsSettings tls_settings();
  [[nodiscard]] bool is_private() const;
  [[nodiscard]] Error withdrawn() const;
  void tell(Phase phase) { errand_.watcher(phase, 0); }

  Surroundings surroundings_;
  Errand errand_;
  const Settings& settings_;
  Findings findings_;
  smtp::TlsMode tls_;
  std::optional<SignIn> sign_in_;
  std::optional<Dialogue> dialogue_;
  std::optional<Redactor> kept_redactor_;  // of a line that was adopted
  std::string kept_mechanism_;
  int messages_ = 0;          // that the line has carried
  std::string accepted_key_;  // that the user accepts in spite of its certificate's faults
  bool judged_ = false;       // the user was asked about the certificate
  bool asked_port_ = false;   // what it speaks, in this approach
};

}  // namespace sendonce::engine
