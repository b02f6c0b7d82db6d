#include "connection.hh"

#include <algorithm>
#include <chrono>
#include <thread>

namespace peer {
namespace {

constexpr std::size_t piece = 65536;

void sleep_ms(std::uint64_t ms) {
  if (ms != 0) std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

}  // namespace

Connection::Connection(Fd fd, const Plan& plan, unsigned delay_ms)
    : socket_(std::move(fd), plan),
      cut_in_(plan.cut(Way::in)),
      cut_out_(plan.cut(Way::out)),
      byte_delay_ms_(plan.setting().byte_delay_ms),
      delay_ms_(delay_ms) {}

void Connection::record_to(Fd in, Fd out) {
  record_in_ = std::move(in);
  record_out_ = std::move(out);
}

bool Connection::muted() const { return cut_in_ && consumed_ >= cut_in_->offset; }

void Connection::end_if_cut() const {
  if (cut_in_ && received_ >= cut_in_->offset) throw End{cut_in_->how, "cut-in"};
}

void Connection::fill() {
  flush();
  end_if_cut();
  if (at_ == in_.size()) in_.clear(), at_ = 0;
  const std::size_t size = in_.size();
  std::uint64_t wanted = piece;
  if (cut_in_) wanted = std::min(wanted, cut_in_->offset - received_);
  in_.resize(size + wanted);
  const std::size_t n = read_some(in_.data() + size, wanted);
  in_.resize(size + n);
  if (n == 0) throw End{Ending::gone, "client-closed"};
  received_ += n;
  if (record_in_.get() >= 0) write_all(record_in_, std::string_view(in_).substr(size));
}

std::size_t Connection::read_some(char* to, std::size_t size) {
  return tls_ ? tls_->read(to, size) : socket_.read(to, size);
}

std::string_view Connection::content() {
  if (!has_buffered()) fill();
  return std::string_view(in_).substr(at_);
}

void Connection::consume(std::size_t octets) {
  at_ += octets;
  consumed_ += octets;
}

Line Connection::read_line() {
  std::size_t end = in_.find('\n', at_);
  while (end == std::string::npos) {
    if (in_.size() - at_ >= line_limit) {
      forget_line();
      return {{}, true, true};
    }
    fill();
    end = in_.find('\n', at_);
  }
  Line line{in_.substr(at_, end - at_)};
  consume(end + 1 - at_);
  line.crlf = line.text.ends_with('\r');
  if (line.crlf) line.text.pop_back();
  return line;
}

void Connection::forget_line() {
  for (;;) {
    const std::string_view bytes = content();
    const auto end = bytes.find('\n');
    consume(std::min(bytes.size(), end == std::string_view::npos ? bytes.size() : end + 1));
    if (end != std::string_view::npos) return;
  }
}

void Connection::write(std::string_view bytes) {
  if (muted()) return;
  out_ += bytes;
  if (out_.size() >= piece) flush();
}

void Connection::write_raw(std::string_view bytes) {
  flush();
  if (!muted()) socket_.write(bytes);
}

void Connection::wait_and_flush(std::uint64_t ms) {
  flush();
  sleep_ms(ms);
}

void Connection::flush() {
  check_out();
  if (out_.empty()) return;
  sleep_ms(delay_ms_);
  const std::string bytes = std::exchange(out_, {});
  std::uint64_t size = bytes.size();
  if (cut_out_) size = std::min(size, cut_out_->offset - sent_);
  send(std::string_view(bytes).substr(0, size));
  check_out();
}

void Connection::check_out() const {
  if (cut_out_ && sent_ >= cut_out_->offset) throw End{cut_out_->how, "cut-out"};
}

void Connection::send(std::string_view bytes) {
  if (!byte_delay_ms_) return transmit(bytes);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i != 0) sleep_ms(*byte_delay_ms_);
    transmit(bytes.substr(i, 1));
  }
}

void Connection::transmit(std::string_view bytes) {
  if (bytes.empty()) return;
  if (tls_) {
    tls_->write(bytes);
  } else {
    socket_.write(bytes);
  }
  sent_ += bytes.size();
  if (record_out_.get() >= 0) write_all(record_out_, bytes);
}

void Connection::start_tls(const TlsCredentials& credentials) {
  if (!out_.empty()) flush();
  if (consumed_ != 0 && muted()) end_if_cut();  // no 220 went out, so no handshake will come
  auto tls = std::make_unique<TlsSession>(credentials, socket_);
  tls->handshake();
  tls_ = std::move(tls);
}

void Connection::close_notify() noexcept {
  if (tls_) tls_->close_notify();
}

}  // namespace peer
