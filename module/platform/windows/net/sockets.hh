// The system's sockets, for the code of net/ that is the same wherever they are found: addresses
// and names.  Of the platform directories each has a header of this name.
//
// A SOCKET is wider than the int of our Descriptor, but Windows uses 32 bits of a handle only, so
// that they may be handed between programs of either width; INVALID_SOCKET is -1 in both.

#pragma once

// clang-format off: this order
#include <winsock2.h>
#include <ws2tcpip.h>
// clang-format on

#include <string>

namespace sendonce::net {

/// To be called before the first use of any of these.
void need_sockets() noexcept;

/// A code of getaddrinfo in words.
std::string lookup_words(int code);

inline SOCKET to_socket(int descriptor) noexcept {
  return static_cast<SOCKET>(static_cast<std::intptr_t>(descriptor));
}
inline int to_descriptor(SOCKET socket) noexcept { return static_cast<int>(socket); }

/// A stream socket of FAMILY, non-blocking and not inherited by children; INVALID_SOCKET, and
/// WSAGetLastError says why, if there is none.
SOCKET open_socket(int family, int type) noexcept;

}  // namespace sendonce::net
