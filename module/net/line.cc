// See line.hh.  Here: the line in the clear, and the choice between it and TLS (tls_line.hh).

#include "net/line.hh"

#include <optional>
#include <utility>

#include "net/stream.hh"
#include "net/tls_line.hh"

namespace sendonce::net {

struct Line::State {
  State(Descriptor socket, std::shared_ptr<const Wake> wake)
      : stream(std::move(socket), std::move(wake)) {}

  Result<ReadCount> read_clear(std::span<char> into, Deadline deadline);
  Result<bool> write_step(std::string_view rest, Deadline deadline, bool stop_for_input,
                          std::size_t& counted);
  Result<std::size_t> write_clear(std::string_view bytes, Deadline deadline, bool stop_for_input);
  Result<std::size_t> write(std::string_view bytes, Deadline deadline, bool stop_for_input);
  bool is_overrun(Deadline deadline);

  Stream stream;
  std::optional<TlsLine> tls;
  std::optional<SteadyClock::time_point> overrun;
  std::optional<Error> torn;  // why a write ended with only part of its bytes out
};

Result<ReadCount> Line::State::read_clear(std::span<char> into, Deadline deadline) {
  for (;;) {
    auto ready = stream.wait({true, false}, deadline);
    if (!ready) return fail(std::move(ready.error()));
    auto got = stream.receive(into);
    if (!got) return fail(std::move(got.error()));
    if (got->has_value()) return ReadCount{**got, false};
  }
}

// One wait and what it allows; false if input ends the write.
Result<bool> Line::State::write_step(std::string_view rest, Deadline deadline, bool stop_for_input,
                                     std::size_t& counted) {
  auto ready = stream.wait({stop_for_input, true}, deadline);
  if (!ready) return fail(std::move(ready.error()));
  if (ready->read) return false;
  auto sent = stream.send(rest);
  if (!sent) return fail(std::move(sent.error()));
  stream.counters().payload_out += *sent;
  counted += *sent;
  return true;
}

Result<std::size_t> Line::State::write_clear(std::string_view bytes, Deadline deadline,
                                             bool stop_for_input) {
  std::size_t counted = 0;
  while (counted < bytes.size()) {
    auto more = write_step(bytes.substr(counted), deadline, stop_for_input, counted);
    if (!more) return fail(std::move(more.error()));
    if (!*more) return counted;
    if (counted < bytes.size() && deadline.passed())
      return fail(Cause::timed_out, Phase::none, "the server did not take the bytes in time");
  }
  return counted;
}

// Other bytes after half a message would become part of it; so a write that was torn is the last
// one.
Result<std::size_t> Line::State::write(std::string_view bytes, Deadline deadline,
                                       bool stop_for_input) {
  if (torn) return fail(*torn);
  const auto sent_before = stream.counters().bytes_out;
  auto written = tls ? tls->write(bytes, deadline, stop_for_input)
                     : write_clear(bytes, deadline, stop_for_input);
  if (!written && stream.counters().bytes_out != sent_before) torn = written.error();
  return written;
}

// Bytes that are there when the deadline has passed are read all the same: an answer in hand is
// worth more than punctuality.  But only once a deadline, or a peer that drips would keep us for
// ever.
bool Line::State::is_overrun(Deadline deadline) {
  if (!deadline.passed()) return false;
  return std::exchange(overrun, deadline.time()) == deadline.time();
}

Line::Line(Descriptor socket, std::shared_ptr<const Wake> wake)
    : state_(std::make_unique<State>(std::move(socket), std::move(wake))) {}

Line::~Line() {
  if (state_) close();
}

Line::Line(Line&&) noexcept = default;

Line& Line::operator=(Line&& other) noexcept {
  if (this == &other) return *this;
  if (state_) close();
  state_ = std::move(other.state_);
  return *this;
}

Status Line::start_tls(const TlsSettings& settings, Deadline deadline) {
  if (state_->tls) return fail(Cause::internal, Phase::tls, "TLS has been started already");
  auto session = TlsSession::make(settings);
  if (!session) {
    state_->stream.close();  // nobody can go on in the clear by mistake
    return fail(std::move(session.error()));
  }
  state_->tls.emplace(state_->stream, std::move(*session));
  return state_->tls->start(deadline);
}

Result<ReadCount> Line::read(std::span<char> into, Deadline deadline) {
  if (into.empty()) return fail(Cause::bad_argument, Phase::none, "no room to read into");
  if (state_->is_overrun(deadline))
    return fail(Cause::timed_out, Phase::none, "the server did not answer in time");
  return state_->tls ? state_->tls->read(into, deadline) : state_->read_clear(into, deadline);
}

Result<std::size_t> Line::write(std::string_view bytes, Deadline deadline, bool stop_for_input) {
  return state_->write(bytes, deadline, stop_for_input);
}

bool Line::has_input() const {
  return state_->tls ? state_->tls->has_input() : state_->stream.readable_now();
}

int Line::descriptor() const { return state_->stream.descriptor(); }

const TlsInfo* Line::tls_info() const {
  return state_->tls && !state_->tls->info().version.empty() ? &state_->tls->info() : nullptr;
}

std::optional<ChannelBinding> Line::channel_binding() const {
  return state_->tls ? state_->tls->channel_binding() : std::nullopt;
}

const LineCounters& Line::counters() const { return state_->stream.counters(); }

std::string Line::peer() const { return state_->stream.peer(); }

void Line::close() noexcept {
  if (state_->tls) state_->tls->close();
  state_->stream.close();
}

}  // namespace sendonce::net
