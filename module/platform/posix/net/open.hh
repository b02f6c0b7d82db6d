// Descriptors that are non-blocking and closed at exec from their first instant, where the system
// can do that.  Each kind of Unix has its own open.cc.

#pragma once

#include <array>

#include "net/descriptor.hh"

namespace sendonce::net {

/// A stream socket of FAMILY, of which no send raises SIGPIPE if it is done with `send_flags`.
/// Not valid, and errno says why, if there is none.
Descriptor open_stream_socket(int family) noexcept;
extern const int send_flags;

/// The reading and the writing end of a pipe; false, and errno says why, if there is none.
bool open_pipe(std::array<int, 2>& ends) noexcept;

}  // namespace sendonce::net
