// See net/socket.hh.

#include "net/socket.hh"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>

#include "net/open.hh"
#include "net/sockets.hh"

namespace sendonce::net {

namespace {

struct Meaning {
  int error;
  Cause cause;
  std::string_view words;
};

// What the user reads, with the server's name or address before it.
constexpr std::array meanings{
    Meaning{ECONNREFUSED, Cause::connection_refused, "refused the connection"},
    Meaning{ECONNRESET, Cause::connection_lost, "reset the connection"},
    Meaning{ECONNABORTED, Cause::connection_lost, "broke off the connection"},
    Meaning{EPIPE, Cause::connection_lost, "closed the connection"},
    Meaning{ETIMEDOUT, Cause::timed_out, "did not answer"},
    Meaning{ENETUNREACH, Cause::unreachable, "is in a network that cannot be reached"},
    Meaning{EHOSTUNREACH, Cause::unreachable, "cannot be reached"},
    Meaning{ENETDOWN, Cause::unreachable, "cannot be reached: the network is down"},
    Meaning{EADDRNOTAVAIL, Cause::unreachable, "cannot be reached: no address of that kind here"},
    Meaning{EAFNOSUPPORT, Cause::unreachable, "cannot be reached: no such address family here"},
    Meaning{EACCES, Cause::unreachable, "cannot be reached: not permitted (a firewall?)"},
    Meaning{EPERM, Cause::unreachable, "cannot be reached: not permitted (a firewall?)"},
};

const Meaning* meaning_of(int error) {
  const auto* const found = std::find_if(meanings.begin(), meanings.end(),
                                         [error](const Meaning& m) { return m.error == error; });
  return found == meanings.end() ? nullptr : found;
}

// EINTR counts as would_block: the caller polls again, which is right for both.
Moved moved(ssize_t result) noexcept {
  if (result >= 0) return {static_cast<std::size_t>(result), false, 0};
  const bool later = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
  return {0, later, later ? 0 : errno};
}

}  // namespace

Moved send_some(int socket, std::span<const char> bytes) noexcept {
  return moved(::send(socket, bytes.data(), bytes.size(), send_flags));
}

Moved receive_some(int socket, std::span<char> into) noexcept {
  return moved(::recv(socket, into.data(), into.size(), 0));
}

Connecting start_connect(const Endpoint& endpoint) {
  Descriptor socket = open_stream_socket(endpoint.family);
  if (!socket.valid()) return {Descriptor(), errno};
  // Whole commands leave in one piece; Nagle's algorithm would only add a round trip.  Where it
  // cannot be set (no TCP), there is nothing to switch off.
  const int on = 1;
  (void)::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_storage address{};
  std::memcpy(&address, endpoint.bytes.data(), std::min(endpoint.bytes.size(), sizeof address));
  const int result = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address),
                               static_cast<socklen_t>(endpoint.bytes.size()));
  if (result == 0 || errno == EINPROGRESS || errno == EINTR) return {std::move(socket), 0};
  return {Descriptor(), errno};
}

int connect_outcome(int socket) noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
  return error;
}

Endpoint peer_of(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  const auto* const bytes = reinterpret_cast<const unsigned char*>(&address);
  const std::size_t used = std::min<std::size_t>(size, sizeof address);
  return {std::vector<unsigned char>(bytes, bytes + used), address.ss_family};
}

Cause connect_cause(int error) {
  const Meaning* const meaning = meaning_of(error);
  return meaning == nullptr ? Cause::unreachable : meaning->cause;
}

std::string socket_words(int error) {
  if (const Meaning* const meaning = meaning_of(error)) return std::string(meaning->words);
  return "cannot be talked to: " + std::generic_category().message(error);
}

}  // namespace sendonce::net
