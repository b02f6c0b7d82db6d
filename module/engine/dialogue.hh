// A session on a line: carries out what the session asks of the wire, and hands decisions upward.
//
// Owned by one delivery thread.  Bytes to send are gathered and handed over together before each
// wait; secret ones go alone.  One deadline a reply: it begins when the reply is first waited for
// and is not moved by a server that trickles.  Writes the transcript and tells the progress.

#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/clock.hh"
#include "engine/transcript.hh"
#include "net/line.hh"
#include "smtp/session.hh"

namespace sendonce::engine {

class Dialogue {
 public:
  /// Told at each change of phase and as the message goes out: octets of it handed over so far.
  using Watcher = std::function<void(Phase phase, std::uint64_t content_done)>;

  /// CAP: see time_limits.hh.
  Dialogue(net::Line line, smtp::SessionOptions options, net::TlsSettings tls, Seconds cap,
           Transcript& transcript, Watcher watcher);

  /// Should the server not greet for SPAN, ASK is called, once: an error that it gives ends the
  /// session, else the wait goes on.
  void when_silent(Milliseconds span, std::function<std::optional<Error>()> ask);

  /// Goes on until a decision is needed: NeedSignIn, Challenge, SignInEnded, NeedBody,
  /// CommitFollows, TransactionEnded, Ready or Ended.  Never any other.
  smtp::Output advance();

  /// With no message under way: who hears from now on.
  void hand_to(Transcript& transcript, Watcher watcher);
  /// Begins a message of which these hear: what is said for it, and the replies to it.  They must
  /// live until the message that follows it on this line has begun, or the line is gone.
  void begin(smtp::Envelope envelope, Transcript& transcript, Watcher watcher);
  /// The message that was begun first is over: its hearers hear no more.
  void first_is_over();
  /// Called before each wait for the server, with nothing left to hand over.  True: it had the
  /// session say more, which goes out before the wait.
  void before_waits(std::function<bool()> act) { before_wait_ = std::move(act); }
  /// Waits no longer than SPAN for anything, until 0 lifts that.
  void hurry(Seconds span) { hurry_ = span; }
  /// Is nothing heard from the server, that has nothing to say now?
  [[nodiscard]] bool quiet() const { return session_.reusable() && !line_.has_input(); }

  smtp::Session& session() { return session_; }
  [[nodiscard]] const smtp::Session& session() const { return session_; }
  [[nodiscard]] const net::Line& line() const { return line_; }
  /// Says QUIT, does not wait for its reply (RFC 5321 4.1.1.10 lets the server take its time),
  /// closes.
  void part();

 private:
  struct Hearer {
    smtp::MessageNumber message = 0;
    Transcript* transcript = nullptr;
    Watcher watcher;
  };

  [[nodiscard]] const Hearer& hearer(smtp::MessageNumber message) const;
  void note(const std::string& text) { hearer(session_.awaited()).transcript->note(text); }
  void hear(std::string_view text);
  void perform(const smtp::Send& send);
  void perform(const smtp::SendSecret& send);
  void perform(const smtp::NeedInput& need);
  void perform(const smtp::StartTls&);
  void flush();
  bool flush_before_commit();
  void write_all(std::string_view bytes);
  void read_some(Deadline deadline);
  bool read_greeting_soon();
  void take(const Result<net::ReadCount>& read, std::span<const char> bytes);
  void handed_over(std::size_t octets);
  void enter(Phase phase, smtp::MessageNumber message);
  [[nodiscard]] Error in_phase(Error error) const;
  void note_tls(const net::TlsInfo& info);
  [[nodiscard]] Deadline limit(Phase phase) const;

  net::Line line_;
  smtp::Session session_;
  net::TlsSettings tls_;
  Seconds cap_;
  Seconds hurry_{0};
  Hearer line_hearer_;          // of what belongs to no message under way
  std::deque<Hearer> hearers_;  // of those under way, in their order
  std::function<bool()> before_wait_;
  Milliseconds patience_{0};
  std::function<std::optional<Error>()> ask_silent_;
  std::string gathered_;
  std::uint64_t content_gathered_ = 0;  // octets of the message in gathered_
  smtp::MessageNumber content_of_ = 0;  // whose they are
  std::uint64_t content_done_ = 0;
  Phase phase_ = Phase::none;
  smtp::MessageNumber phase_of_ = 0;  // whose phase it is
  Deadline reply_deadline_ = Deadline::never();
  std::uint64_t deadline_for_ = 0;  // 1 + replies() when reply_deadline_ was set
};

}  // namespace sendonce::engine
