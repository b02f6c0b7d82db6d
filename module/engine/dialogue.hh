// A session on a line: carries out what the session asks of the wire, and hands decisions upward.
//
// Owned by one delivery thread.  Bytes to send are gathered and handed over together before each
// wait; secret ones go alone.  One deadline a reply: it begins when the reply is first waited for
// and is not moved by a server that trickles.  Writes the transcript and tells the progress.

#pragma once

#include <cstdint>
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

  /// For the next message on this line: who hears of it from now on.
  void hand_to(Transcript& transcript, Watcher watcher);
  /// Is nothing heard from the server, that has nothing to say now?
  [[nodiscard]] bool quiet() const { return session_.reusable() && !line_.has_input(); }

  smtp::Session& session() { return session_; }
  [[nodiscard]] const smtp::Session& session() const { return session_; }
  [[nodiscard]] const net::Line& line() const { return line_; }
  /// Says QUIT, does not wait for its reply (RFC 5321 4.1.1.10 lets the server take its time),
  /// closes.
  void part();

 private:
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
  void enter(Phase phase);
  [[nodiscard]] Error in_phase(Error error) const;
  void note_tls(const net::TlsInfo& info);
  [[nodiscard]] Deadline limit(Phase phase) const;

  net::Line line_;
  smtp::Session session_;
  net::TlsSettings tls_;
  Seconds cap_;
  Transcript* transcript_;
  Watcher watcher_;
  Milliseconds patience_{0};
  std::function<std::optional<Error>()> ask_silent_;
  std::string gathered_;
  std::uint64_t content_gathered_ = 0;  // octets of the message in gathered_
  std::uint64_t content_done_ = 0;
  Phase phase_ = Phase::none;
  Deadline reply_deadline_ = Deadline::never();
  std::uint64_t deadline_for_ = 0;  // 1 + replies() when reply_deadline_ was set
};

}  // namespace sendonce::engine
