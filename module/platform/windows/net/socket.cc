// See net/socket.hh.  Winsock; the error numbers are its own (WSAGetLastError), but for those that
// net/ itself names: these are errno's, as elsewhere.

#include "net/socket.hh"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <string_view>

#include "base/windows.hh"
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
    Meaning{WSAECONNREFUSED, Cause::connection_refused, "refused the connection"},
    Meaning{WSAECONNRESET, Cause::connection_lost, "reset the connection"},
    Meaning{WSAENETRESET, Cause::connection_lost, "reset the connection"},
    Meaning{WSAECONNABORTED, Cause::connection_lost, "broke off the connection"},
    Meaning{WSAESHUTDOWN, Cause::connection_lost, "closed the connection"},
    Meaning{WSAENOTCONN, Cause::connection_lost, "closed the connection"},
    Meaning{WSAETIMEDOUT, Cause::timed_out, "did not answer"},
    Meaning{ETIMEDOUT, Cause::timed_out, "did not answer"},
    Meaning{WSAENETUNREACH, Cause::unreachable, "is in a network that cannot be reached"},
    Meaning{WSAEHOSTUNREACH, Cause::unreachable, "cannot be reached"},
    Meaning{WSAENETDOWN, Cause::unreachable, "cannot be reached: the network is down"},
    Meaning{WSAEADDRNOTAVAIL, Cause::unreachable,
            "cannot be reached: no address of that kind here"},
    Meaning{WSAEAFNOSUPPORT, Cause::unreachable, "cannot be reached: no such address family here"},
    Meaning{WSAEACCES, Cause::unreachable, "cannot be reached: not permitted (a firewall?)"},
};

const Meaning* meaning_of(int error) {
  const auto* const found = std::find_if(meanings.begin(), meanings.end(),
                                         [error](const Meaning& m) { return m.error == error; });
  return found == meanings.end() ? nullptr : found;
}

Moved moved(int result) noexcept {
  if (result >= 0) return {static_cast<std::size_t>(result), false, 0};
  const int error = ::WSAGetLastError();
  const bool later = error == WSAEWOULDBLOCK || error == WSAEINTR;
  return {0, later, later ? 0 : error};
}

int one_call(std::size_t size) { return static_cast<int>(std::min<std::size_t>(size, INT_MAX)); }

void switch_on(SOCKET socket, int level, int option) {
  const char on = 1;
  (void)::setsockopt(socket, level, option, &on, sizeof on);
}

}  // namespace

Moved send_some(int socket, std::span<const char> bytes) noexcept {
  return moved(::send(to_socket(socket), bytes.data(), one_call(bytes.size()), 0));
}

Moved receive_some(int socket, std::span<char> into) noexcept {
  return moved(::recv(to_socket(socket), into.data(), one_call(into.size()), 0));
}

Connecting start_connect(const Endpoint& endpoint) {
  Descriptor socket(to_descriptor(open_socket(endpoint.family, SOCK_STREAM)));
  if (!socket.valid()) return {Descriptor(), ::WSAGetLastError()};
  // Whole commands leave in one piece; Nagle's algorithm would only add a round trip.  Urgent bytes
  // stay where they are: select would take them for a connection that failed (poll.cc).
  switch_on(to_socket(socket.get()), IPPROTO_TCP, TCP_NODELAY);
  switch_on(to_socket(socket.get()), SOL_SOCKET, SO_OOBINLINE);
  sockaddr_storage address{};
  std::memcpy(&address, endpoint.bytes.data(), std::min(endpoint.bytes.size(), sizeof address));
  const int result = ::connect(to_socket(socket.get()), reinterpret_cast<const sockaddr*>(&address),
                               static_cast<socklen_t>(endpoint.bytes.size()));
  if (result == 0 || ::WSAGetLastError() == WSAEWOULDBLOCK) return {std::move(socket), 0};
  return {Descriptor(), ::WSAGetLastError()};
}

int connect_outcome(int socket) noexcept {
  int error = 0;
  int size = sizeof error;
  if (::getsockopt(to_socket(socket), SOL_SOCKET, SO_ERROR, reinterpret_cast<char*>(&error),
                   &size) != 0)
    return ::WSAGetLastError();
  return error;
}

Endpoint peer_of(int socket) {
  sockaddr_storage address{};
  int size = sizeof address;
  if (::getpeername(to_socket(socket), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return {};
  const auto* const bytes = reinterpret_cast<const unsigned char*>(&address);
  const std::size_t used = std::min(static_cast<std::size_t>(size), sizeof address);
  return {std::vector<unsigned char>(bytes, bytes + used), address.ss_family};
}

Cause connect_cause(int error) {
  const Meaning* const meaning = meaning_of(error);
  return meaning == nullptr ? Cause::unreachable : meaning->cause;
}

std::string socket_words(int error) {
  if (const Meaning* const meaning = meaning_of(error)) return std::string(meaning->words);
  return "cannot be talked to: " + system_words(static_cast<unsigned long>(error));
}

}  // namespace sendonce::net
