// The system's sockets, for the code of net/ that is the same wherever they are found: addresses
// and names.  Of the platform directories each has a header of this name.

#pragma once

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <string>

namespace sendonce::net {

/// To be called before the first use of any of these.
inline void need_sockets() {}

inline int to_socket(int descriptor) noexcept { return descriptor; }
inline int to_descriptor(int socket) noexcept { return socket; }

/// A code of getaddrinfo in words.
inline std::string lookup_words(int code) { return ::gai_strerror(code); }

}  // namespace sendonce::net
