// See open.hh.

#include "net/open.hh"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sendonce::net {

const int send_flags = MSG_NOSIGNAL;

Descriptor open_stream_socket(int family) noexcept {
  return Descriptor(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

bool open_pipe(std::array<int, 2>& ends) noexcept {
  return ::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) == 0;
}

}  // namespace sendonce::net
