// See dialogue.hh.

#include "engine/dialogue.hh"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "engine/time_limits.hh"

namespace sendonce::engine {

namespace {

/// The message is handed to the line in slices, so that progress can be told on a slow line.
constexpr std::size_t slice = 65536;

/// What may be gathered before it is handed over: one flight.
constexpr std::size_t gather_limit = 98304;

constexpr std::size_t one_record = 16384;

Error closed_by_server(Phase phase) {
  return Error{Cause::connection_lost, phase, "The server closed the connection", {}};
}

}  // namespace

Dialogue::Dialogue(net::Line line, smtp::SessionOptions options, net::TlsSettings tls, Seconds cap,
                   Transcript& transcript, Watcher watcher)
    : line_(std::move(line)),
      session_(std::move(options)),
      tls_(std::move(tls)),
      cap_(cap),
      line_hearer_{0, &transcript, std::move(watcher)} {}

void Dialogue::when_silent(Milliseconds span, std::function<std::optional<Error>()> ask) {
  patience_ = span;
  ask_silent_ = std::move(ask);
}

void Dialogue::hand_to(Transcript& transcript, Watcher watcher) {
  line_hearer_ = Hearer{0, &transcript, std::move(watcher)};
  hearers_.clear();
  tls_.ask_key_secret = nullptr;
  before_wait_ = nullptr;
  content_gathered_ = 0;
  phase_ = Phase::none;
  deadline_for_ = 0;
}

void Dialogue::begin(smtp::Envelope envelope, Transcript& transcript, Watcher watcher) {
  const smtp::MessageNumber number = session_.begin(std::move(envelope));
  hearers_.push_back({number, &transcript, std::move(watcher)});
  if (hearers_.size() == 1) line_hearer_ = hearers_.front();
}

void Dialogue::first_is_over() {
  if (!hearers_.empty()) hearers_.pop_front();
  if (!hearers_.empty()) line_hearer_ = hearers_.front();
}

const Dialogue::Hearer& Dialogue::hearer(smtp::MessageNumber message) const {
  const auto found = std::find_if(hearers_.begin(), hearers_.end(),
                                  [&](const Hearer& one) { return one.message == message; });
  return found == hearers_.end() ? line_hearer_ : *found;
}

smtp::Output Dialogue::advance() {
  for (;;) {
    smtp::Output output = session_.next();
    if (auto* send = std::get_if<smtp::Send>(&output)) {
      perform(*send);
    } else if (auto* secret = std::get_if<smtp::SendSecret>(&output)) {
      perform(*secret);
    } else if (auto* need = std::get_if<smtp::NeedInput>(&output)) {
      perform(*need);
    } else if (auto* start = std::get_if<smtp::StartTls>(&output)) {
      perform(*start);
    } else if (!std::holds_alternative<smtp::CommitFollows>(output) || flush_before_commit()) {
      return output;
    }
  }
}

/// What was streamed goes out before the barrier, so that little is left to send after it; one
/// flight stays together.  False: the line ended meanwhile, and the barrier is not reached.
bool Dialogue::flush_before_commit() {
  if (gathered_.size() > one_record) flush();
  return session_.state() != smtp::State::ended;
}

void Dialogue::perform(const smtp::Send& send) {
  gathered_ += send.bytes;
  Transcript& transcript = *hearer(send.message).transcript;
  if (send.content) {
    if (content_of_ != send.message) content_done_ = 0;
    content_of_ = send.message;
    content_gathered_ += send.bytes.size();
    transcript.client_content(send.bytes.size(), send.completes);
  } else {
    transcript.client(send.bytes);
  }
  if (gathered_.size() > gather_limit) flush();
}

void Dialogue::perform(const smtp::SendSecret& send) {
  flush();
  line_hearer_.transcript->client(send.shown);
  enter(Phase::sign_in, 0);
  write_all(send.bytes.reveal());
}

void Dialogue::perform(const smtp::NeedInput& need) {
  const std::uint64_t heard = session_.replies();
  flush();
  // What was heard meanwhile comes first: it may be an outcome, which waits for nobody.
  if (session_.state() == smtp::State::ended || session_.replies() != heard) return;
  if (before_wait_ && before_wait_()) return;
  enter(need.phase, session_.awaited());
  if (deadline_for_ != session_.replies() + 1) {
    reply_deadline_ = limit(need.phase);
    deadline_for_ = session_.replies() + 1;
  }
  if (need.phase == Phase::greeting && ask_silent_ && read_greeting_soon()) return;
  read_some(reply_deadline_);
}

/// False: the server is silent, and there is no reason not to wait for it.
bool Dialogue::read_greeting_soon() {
  const auto ask = std::exchange(ask_silent_, nullptr);
  std::array<char, 16384> bytes{};
  const auto read = line_.read(bytes, reply_deadline_.earlier_of(Deadline::after(patience_)));
  const bool silent = !read && read.error().cause == Cause::timed_out;
  if (!silent) {
    take(read, bytes);
    return true;
  }
  auto error = ask();
  if (error) session_.lost(std::move(*error));
  return error.has_value();
}

void Dialogue::perform(const smtp::StartTls&) {
  flush();
  if (session_.state() == smtp::State::ended) return;
  enter(Phase::tls, 0);
  if (auto status = line_.start_tls(tls_, limit(Phase::tls)); !status) {
    if (line_.tls_info()) note_tls(*line_.tls_info());
    return session_.lost(in_phase(status.error()));
  }
  note_tls(*line_.tls_info());
  session_.tls_established();
}

/// Errors of the line do not know what it was used for.
Error Dialogue::in_phase(Error error) const {
  if (error.phase == Phase::none) error.phase = phase_;
  return error;
}

void Dialogue::note_tls(const net::TlsInfo& info) {
  note(info.version + ", " + info.cipher + (info.resumed ? ", resumed" : ""));
  note("Certificate of " + info.certificate.subject + ", issued by " + info.certificate.issuer +
       ", valid until " + local_time_text(static_cast<double>(info.certificate.not_after)) + ", " +
       info.certificate.fingerprint);
}

void Dialogue::flush() {
  if (gathered_.empty()) return;
  const std::string bytes = std::exchange(gathered_, {});
  if (content_gathered_ > 0) enter(Phase::body, content_of_);
  write_all(bytes);
  content_gathered_ = 0;
}

void Dialogue::write_all(std::string_view bytes) {
  Deadline deadline = limit(phase_);
  while (!bytes.empty() && session_.state() != smtp::State::ended) {
    const unsigned long long before = line_.counters().payload_out;
    const auto count = line_.write(bytes.substr(0, slice), deadline, true);
    if (!count) {
      // What the kernel has, it has: the commit point may lie in a write that failed after all.
      handed_over(line_.counters().payload_out - before);
      return session_.lost(in_phase(count.error()));
    }
    bytes.remove_prefix(*count);
    handed_over(*count);
    if (*count > 0) deadline = limit(phase_);
    if (!bytes.empty() && line_.has_input()) read_some(deadline);
  }
}

/// Octets of the message are the last ones gathered, so those handed over come off the envelope
/// first.
void Dialogue::handed_over(std::size_t octets) {
  session_.sent(octets);
  if (content_gathered_ == 0) return;
  content_done_ += octets;
  hearer(content_of_).watcher(phase_, content_done_);
}

void Dialogue::read_some(Deadline deadline) {
  std::array<char, 16384> bytes{};
  take(line_.read(bytes, deadline), bytes);
}

void Dialogue::take(const Result<net::ReadCount>& read, std::span<const char> bytes) {
  if (!read) return session_.lost(in_phase(read.error()));
  if (read->count == 0) {
    note(read->truncated ? "The server closed the connection without ending TLS"
                         : "The server closed the connection");
    return session_.lost(closed_by_server(phase_));
  }
  hear(std::string_view(bytes.data(), read->count));
}

/// Line by line where several messages are under way: each line of a reply is heard by those whom
/// it answers.
void Dialogue::hear(std::string_view text) {
  while (!text.empty()) {
    std::string_view part = text;
    if (hearers_.size() > 1) part = text.substr(0, text.find('\n') + 1);
    if (part.empty()) part = text;
    hearer(session_.awaited()).transcript->server(part);
    session_.receive(part);
    text.remove_prefix(part.size());
  }
}

void Dialogue::enter(Phase phase, smtp::MessageNumber message) {
  if (phase_ == phase && phase_of_ == message) return;
  phase_ = phase;
  phase_of_ = message;
  hearer(message).watcher(phase, content_of_ == message ? content_done_ : 0);
}

Deadline Dialogue::limit(Phase phase) const {
  const Milliseconds limit = time_limit(phase, cap_);
  return Deadline::after(hurry_.count() > 0 ? std::min<Milliseconds>(limit, hurry_) : limit);
}

void Dialogue::part() {
  if (session_.reusable()) {
    session_.quit();
    // Nobody hears of it: who used the line last may be gone.
    std::string bytes;
    for (smtp::Output output = session_.next(); std::holds_alternative<smtp::Send>(output);
         output = session_.next()) {
      bytes += std::get<smtp::Send>(output).bytes;
    }
    (void)line_.write(bytes, Deadline::after(Milliseconds(0)), false);
  }
  line_.close();
}

}  // namespace sendonce::engine
