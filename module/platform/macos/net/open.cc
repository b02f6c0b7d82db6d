// See open.hh.  macOS sets these properties afterwards only: a fork between the two calls hands the
// descriptor on.  Never compiled by those who wrote it.

#include "net/open.hh"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace sendonce::net {

namespace {

bool make_quiet(int descriptor) noexcept {
  return ::fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 &&
         ::fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0;
}

}  // namespace

const int send_flags = 0;

Descriptor open_stream_socket(int family) noexcept {
  Descriptor socket(::socket(family, SOCK_STREAM, 0));
  if (!socket.valid()) return socket;
  const int on = 1;
  if (make_quiet(socket.get()) &&
      ::setsockopt(socket.get(), SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on) == 0)
    return socket;
  const int error = errno;
  socket.close();
  errno = error;
  return socket;
}

bool open_pipe(std::array<int, 2>& ends) noexcept {
  if (::pipe(ends.data()) != 0) return false;
  if (make_quiet(ends[0]) && make_quiet(ends[1])) return true;
  const int error = errno;
  ::close(ends[0]);
  ::close(ends[1]);
  errno = error;
  return false;
}

}  // namespace sendonce::net
