// Sockets: the one place that calls socket, connect, send and recv.
//
// Called by the thread that owns the descriptor, after poll.hh said that the call can go on.  Each
// function is one attempt at one system call: none waits, none tries again.

#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/error.hh"
#include "net/connect.hh"
#include "net/descriptor.hh"

namespace sendonce::net {

/// What one send or receive did.  A receive of 0 bytes without error and without `would_block` is
/// EOF.
struct Moved {
  std::size_t count = 0;
  bool would_block = false;
  int error = 0;  ///< the system's error number, 0 for none
};

Moved send_some(int socket, std::span<const char> bytes) noexcept;
Moved receive_some(int socket, std::span<char> into) noexcept;

/// A connection under way; `error` not 0: it failed at once.
struct Connecting {
  Descriptor socket;
  int error = 0;
};

/// Begins to connect: non-blocking, close-on-exec, TCP_NODELAY.
Connecting start_connect(const Endpoint& endpoint);
/// How a connection that poll says is writable ended: 0, or the error number.
int connect_outcome(int socket) noexcept;

/// Whom SOCKET is connected to; an Endpoint without bytes if to nobody.
Endpoint peer_of(int socket);

/// Why no connection could be made.
Cause connect_cause(int error);
/// An error number in words, as the end of a sentence on the server: "refused the connection".
std::string socket_words(int error);

}  // namespace sendonce::net
