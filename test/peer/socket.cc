#include "socket.hh"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

namespace peer {
namespace {

constexpr int drain_limit_ms = 30000;

void set_option(int fd, int level, int name, int value) {
  ::setsockopt(fd, level, name, &value, sizeof value);
}

// A reset discards what the kernel has not sent yet: wait until it has, so that a cut after N
// octets is one after N octets at the client, too.  (Not for the acknowledgement: it may be 40 ms
// away.)
void wait_until_sent(int fd) {
  for (int tries = 0; tries < 1000; ++tries) {
    int unsent = 0;
    if (::ioctl(fd, SIOCOUTQNSD, &unsent) != 0 || unsent == 0) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace

Socket::Socket(Fd fd, const Plan& plan)
    : fd_(std::move(fd)),
      in_(plan.cut(Way::rawin)),
      out_(plan.cut(Way::rawout)),
      rate_(plan.setting().rate_in.value_or(0)) {
  set_option(fd_.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  if (rate_ != 0) set_option(fd_.get(), SOL_SOCKET, SO_RCVBUF, 65536);
}

std::size_t Socket::allowed(std::size_t size) const {
  if (rate_ != 0) size = std::min<std::size_t>(size, std::max<std::uint64_t>(1, rate_ / 50));
  return in_ ? std::min<std::size_t>(size, in_->offset - received_) : size;
}

std::size_t Socket::read(char* to, std::size_t size) {
  if (in_ && received_ >= in_->offset) throw End{in_->how, "cut-rawin"};
  ssize_t n = 0;
  do {
    n = ::recv(fd_.get(), to, allowed(size), 0);
  } while (n < 0 && errno == EINTR);
  if (n < 0) throw End{Ending::gone, "client-reset"};
  received_ += std::size_t(n);
  slow_down(std::size_t(n));
  return std::size_t(n);
}

void Socket::slow_down(std::size_t octets) const {
  if (rate_ == 0) return;
  std::this_thread::sleep_for(std::chrono::microseconds(octets * 1000000 / rate_));
}

void Socket::write(std::string_view bytes) {
  if (in_ && received_ >= in_->offset) return;  // the cut has happened: nothing leaves any more
  if (!out_) return send_all(bytes);
  send_all(bytes.substr(0, std::min<std::uint64_t>(bytes.size(), out_->offset - sent_)));
  if (sent_ >= out_->offset) throw End{out_->how, "cut-rawout"};
}

void Socket::send_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw End{Ending::gone, "client-reset"};
    sent_ += std::size_t(n);
    bytes.remove_prefix(std::size_t(n));
  }
}

bool Socket::readable(int timeout_ms) const {
  pollfd poll_fd{fd_.get(), POLLIN, 0};
  return ::poll(&poll_fd, 1, timeout_ms) > 0;
}

void Socket::finish(Ending how) {
  switch (how) {
    case Ending::gone:
      break;
    case Ending::drop:
    case Ending::drop_notify:
      orderly_close();
      break;
    case Ending::reset:
      reset_close();
      break;
    case Ending::stall:
      wait_for_close();
      break;
    case Ending::swallow:
      while (forget_input(-1)) {
      }
      break;
  }
  fd_.close();
}

// close() with unread input sends RST instead of FIN, so read until the client closes as well.
void Socket::orderly_close() {
  using Clock = std::chrono::steady_clock;
  ::shutdown(fd_.get(), SHUT_WR);
  const auto limit = Clock::now() + std::chrono::milliseconds(drain_limit_ms);
  while (Clock::now() < limit && forget_input(drain_limit_ms)) {
  }
}

void Socket::reset_close() {
  wait_until_sent(fd_.get());
  const linger at_once{1, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

// Without reading: POLLRDHUP tells of the client's FIN even behind unread input.
void Socket::wait_for_close() const {
  pollfd poll_fd{fd_.get(), POLLRDHUP, 0};
  while (::poll(&poll_fd, 1, -1) < 0 && errno == EINTR) {
  }
}

bool Socket::forget_input(int timeout_ms) {
  std::array<char, 65536> bin;
  if (!readable(timeout_ms)) return false;
  const ssize_t n = ::recv(fd_.get(), bin.data(), bin.size(), 0);
  return n > 0 || (n < 0 && errno == EINTR);
}

}  // namespace peer
