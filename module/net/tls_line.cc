// See tls_line.hh.

#include "net/tls_line.hh"

#include <algorithm>
#include <utility>

#include "base/text.hh"

namespace sendonce::net {

namespace {

constexpr std::size_t record_size = 16384;

Error at_tls(Error error) {
  error.phase = Phase::tls;
  return error;
}

// A TLS record begins with its type, 20 to 23 (RFC 8446 section 5.1); a greeting with a digit.
bool is_clear_text(std::string_view first) {
  return !first.empty() && first.front() >= ' ' && first.front() <= '~';
}

}  // namespace

TlsLine::TlsLine(Stream& stream, std::unique_ptr<TlsSession> session)
    : stream_(stream), session_(std::move(session)) {}

// ---- the handshake

// The end of our handshake is sent only after the certificate was accepted, else an alert with it.
Status TlsLine::start(Deadline deadline) {
  Status status = shake_hands(deadline);
  if (status) status = session_->verify();
  if (status) status = flush(deadline);
  verified_ = status.has_value();
  if (status) return {};
  offer();
  read_error_ = write_error_ = at_tls(std::move(status.error()));
  return fail(*read_error_);
}

Status TlsLine::shake_hands(Deadline deadline) {
  bool first = true;
  for (;;) {
    auto step = session_->handshake();
    if (!step) return fail(std::move(step.error()));
    if (*step == TlsSession::Step::done) return {};
    if (!first && deadline.passed())
      return fail(Cause::timed_out, Phase::none, "the server did not answer in time");
    if (Status sent = flush(deadline); !sent) return sent;
    Status taken = first ? take_first(deadline) : take_more(deadline);
    if (!taken) return taken;
    first = false;
  }
}

Status TlsLine::flush(Deadline deadline) {
  while (!session_->output().unsent().empty()) {
    auto ready = stream_.wait({false, true}, deadline);
    if (!ready) return fail(std::move(ready.error()));
    auto sent = send_once();
    if (!sent) return fail(std::move(sent.error()));
  }
  return {};
}

Status TlsLine::take_more(Deadline deadline) {
  auto ready = stream_.wait({true, false}, deadline);
  if (!ready) return fail(std::move(ready.error()));
  (void)refill();
  if (read_error_) return fail(*read_error_);
  if (session_->input().ended())
    return fail(Cause::connection_lost, Phase::tls,
                "the server closed the connection during the TLS handshake");
  return {};
}

Status TlsLine::take_first(Deadline deadline) {
  while (session_->input().empty()) {
    Status taken = take_more(deadline);
    if (!taken) return taken;
  }
  const std::string_view first = session_->input().view();
  if (is_clear_text(first)) return fail(clear_text(std::string(first), deadline));
  return {};
}

// Waits a little for the rest of the line, so that the error can quote it.
Error TlsLine::clear_text(std::string text, Deadline deadline) {
  constexpr std::size_t enough = 512;
  const Deadline soon = deadline.earlier_of(Deadline::after(Seconds(1)));
  while (text.size() < enough && text.find('\n') == std::string::npos) {
    if (!stream_.wait({true, false}, soon) || !refill() || session_->input().ended()) break;
    text += session_->input().view();
  }
  const std::string quoted = printable(text.substr(0, text.find_first_of("\r\n")), enough);
  return {Cause::not_tls, Phase::tls,
          "the server does not speak TLS here, it answered in the clear: " + quoted, quoted};
}

// ---- input

// One receive into the session's empty input; false if nothing came of it.
bool TlsLine::refill() {
  auto got = stream_.receive(session_->input().space());
  if (!got) {
    read_error_ = std::move(got.error());
    return false;
  }
  if (!got->has_value()) return false;
  if (**got == 0) session_->input().end();
  session_->input().filled(**got);
  return true;
}

// Decrypts into INTO what was received: the count, or nothing if more input is needed or input has
// come to its end or failed (then `can_read` holds).
std::optional<std::size_t> TlsLine::decrypt(std::span<char> into) {
  using Kind = TlsSession::Received::Kind;
  if (ended_ || read_error_) return std::nullopt;
  auto got = session_->receive(into);
  if (!got) {
    read_error_ = write_error_ = std::move(got.error());
    return std::nullopt;
  }
  if (got->kind == Kind::data) return got->count;
  if (got->kind != Kind::needs_input) ended_ = ReadCount{0, got->kind == Kind::truncated};
  return std::nullopt;
}

// Decrypts until there is something for `read`, or nothing more without waiting.
void TlsLine::absorb(bool readable) {
  while (!can_read()) {
    heard_.resize(record_size);
    heard_at_ = 0;
    heard_.resize(decrypt(heard_).value_or(0));
    if (can_read() || !readable || !refill()) return;
    readable = false;
  }
}

ReadCount TlsLine::serve(std::span<char> into) {
  const std::size_t count = std::min(into.size(), heard_.size() - heard_at_);
  std::copy_n(heard_.data() + heard_at_, count, into.data());
  heard_at_ += count;
  return {count, false};
}

Result<ReadCount> TlsLine::read(std::span<char> into, Deadline deadline) {
  if (heard_at_ < heard_.size()) return serve(into);
  // Records without data (tickets, key updates) do not hold the deadline up.
  for (bool late = false;; late = deadline.passed()) {
    if (const auto count = decrypt(into)) return ReadCount{*count, false};
    if (read_error_) return fail(*read_error_);
    if (ended_) return *ended_;
    if (late) return fail(Cause::timed_out, Phase::none, "the server did not answer in time");
    // Answers to key updates go out by the way, but never a record of the caller's: its write has
    // said that these bytes are not out, and only a write may change that.
    const TlsOutput& output = session_->output();
    const bool answer = !output.unsent().empty() && output.unsent_plain() == 0 && !write_error_;
    auto ready = stream_.wait({true, answer}, deadline);
    if (!ready) return fail(std::move(ready.error()));
    if (ready->write) (void)send_once();
    if (ready->read) (void)refill();
  }
}

bool TlsLine::has_input() {
  if (!can_read()) absorb(false);
  if (!can_read()) absorb(stream_.readable_now());
  return can_read();
}

// ---- output

// One send of what is sealed; the plaintext that is now out in whole records.
Result<std::size_t> TlsLine::send_once() {
  auto sent = stream_.send(session_->output().unsent());
  if (!sent) {
    write_error_ = sent.error();
    return fail(std::move(sent.error()));
  }
  const std::size_t plain = session_->output().sent(*sent);
  stream_.counters().payload_out += plain;
  return plain;
}

// Seals records of BYTES unless some are still to go.  Done only once the socket can take them, so
// that an early return leaves as little sealed as can be.
Status TlsLine::top_up(std::string_view bytes) {
  if (!session_->output().unsent().empty()) return {};
  auto sealed = session_->seal(bytes);
  if (sealed) return {};
  return fail(std::move(sealed.error()));
}

// One wait and what it allows; false if input ends the write.
Result<bool> TlsLine::write_step(std::string_view rest, Deadline deadline, bool stop_for_input,
                                 std::size_t& counted) {
  auto ready = stream_.wait({stop_for_input, true}, deadline);
  if (!ready) return fail(std::move(ready.error()));
  if (ready->read) absorb(true);
  if (stop_for_input && can_read()) return false;
  if (!ready->write) return true;
  if (Status status = top_up(rest); !status) return fail(std::move(status.error()));
  auto plain = send_once();
  if (!plain) return fail(std::move(plain.error()));
  counted += *plain;
  return true;
}

Result<std::size_t> TlsLine::write(std::string_view bytes, Deadline deadline, bool stop_for_input) {
  if (write_error_) return fail(*write_error_);
  if (session_->output().unsent_plain() > bytes.size())
    return fail(Cause::internal, Phase::none, "a write must go on with the bytes it began with");
  std::size_t counted = 0;
  if (stop_for_input) absorb(false);
  if (stop_for_input && can_read()) return counted;
  while (counted < bytes.size()) {
    auto more = write_step(bytes.substr(counted), deadline, stop_for_input, counted);
    if (more && !*more) return counted;
    if (more && !(deadline.passed() && counted < bytes.size())) continue;
    Error error =
        more ? Error{Cause::timed_out, Phase::none, "the server did not take the bytes in time", {}}
             : std::move(more.error());
    // What is sealed can be neither taken back nor left out: after this only closing is possible.
    if (session_->output().unsent_plain() > 0) write_error_ = error;
    return fail(std::move(error));
  }
  return counted;
}

// Sends what is sealed if that needs no waiting; what does not go is of no further use.
void TlsLine::offer() {
  if (!session_->output().unsent().empty() && stream_.writable_now()) (void)send_once();
}

// Unsent records of the caller's are dropped, as its last write told: no close_notify after them.
void TlsLine::close() noexcept {
  if (!stream_.open() || !verified_ || write_error_) return;
  if (session_->output().unsent_plain() > 0) return;
  session_->say_goodbye();
  offer();
}

}  // namespace sendonce::net
