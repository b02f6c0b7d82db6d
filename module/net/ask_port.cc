// See ask_port.hh.

#include "net/ask_port.hh"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "net/connect.hh"
#include "net/poll.hh"
#include "net/socket.hh"
#include "net/tls_session.hh"

namespace sendonce::net {

namespace {

Result<Descriptor> connect_to(const std::string& host, std::uint16_t port, Deadline deadline,
                              const Wake& wake) {
  auto endpoints = resolve(host, port, deadline, wake);
  if (!endpoints) return fail(std::move(endpoints.error()));
  return connect_any(interleave(std::move(*endpoints)), deadline, wake);
}

// A TLS record begins with its type, here 21 (alert) or 22 (handshake), RFC 8446 section 5.1; an
// SMTP greeting with a digit.
Speaks what_speaks(std::string_view first) {
  if (first.empty()) return Speaks::silence;
  if (first.front() == '\x15' || first.front() == '\x16') return Speaks::tls;
  return first.front() >= ' ' && first.front() <= '~' ? Speaks::clear : Speaks::silence;
}

// One wait; false: there is no use in going on.
Result<bool> wait_for(Interest& interest, Deadline deadline, const Wake& wake) {
  switch (poll_for({&interest, 1}, deadline, &wake)) {
    case Poll::ready:
      return true;
    case Poll::timed_out:
      return false;
    case Poll::woken:
      return fail(Cause::cancelled, Phase::tls, "cancelled");
    case Poll::failed:
      break;
  }
  return fail(Cause::internal, Phase::tls, "poll failed");
}

Result<Speaks> hear(const Descriptor& socket, Deadline deadline, const Wake& wake) {
  std::array<char, 64> bytes{};
  for (;;) {
    Interest interest{socket.get(), true, false};
    const auto ready = wait_for(interest, deadline, wake);
    if (!ready) return fail(ready.error());
    if (!*ready) return Speaks::silence;
    const Moved moved = receive_some(socket.get(), bytes);
    if (!moved.would_block) return what_speaks({bytes.data(), moved.count});
  }
}

// The peer may have said something already and closed: what is not taken is no error, it is heard
// then.
Status say(const Descriptor& socket, std::string_view bytes, Deadline deadline, const Wake& wake) {
  while (!bytes.empty()) {
    Interest interest{socket.get(), false, true};
    const auto ready = wait_for(interest, deadline, wake);
    if (!ready) return fail(ready.error());
    if (!*ready) return {};
    const Moved moved = send_some(socket.get(), bytes);
    if (moved.error != 0) return {};
    bytes.remove_prefix(moved.count);
  }
  return {};
}

Result<std::string> client_hello(const std::string& host) {
  TlsSettings settings;
  settings.host = host;
  auto session = TlsSession::make(settings);
  if (!session) return fail(std::move(session.error()));
  auto step = (*session)->handshake();
  if (!step) return fail(std::move(step.error()));
  return std::string((*session)->output().unsent());
}

}  // namespace

Result<Speaks> ask_for_tls(const std::string& host, std::uint16_t port, Deadline deadline,
                           const Wake& wake) {
  const auto hello = client_hello(host);
  if (!hello) return fail(hello.error());
  const auto socket = connect_to(host, port, deadline, wake);
  if (!socket) return fail(socket.error());
  if (Status said = say(*socket, *hello, deadline, wake); !said)
    return fail(std::move(said.error()));
  return hear(*socket, deadline, wake);
}

Result<Speaks> listen_at(const std::string& host, std::uint16_t port, Deadline deadline,
                         const Wake& wake) {
  const auto socket = connect_to(host, port, deadline, wake);
  if (!socket) return fail(socket.error());
  return hear(*socket, deadline, wake);
}

}  // namespace sendonce::net
