// See net/wake.hh.  A pipe, which poll(2) can wait for.

#include "net/wake.hh"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "net/open.hh"

namespace sendonce::net {

Wake::Wake(Descriptor reader, Descriptor writer)
    : reader_(std::move(reader)), writer_(std::move(writer)) {}

Result<Wake> Wake::make() {
  std::array<int, 2> ends{};
  if (!open_pipe(ends))
    return fail(Cause::internal, Phase::none,
                "no pipe could be made: " + std::generic_category().message(errno));
  return Wake(Descriptor(ends[0]), Descriptor(ends[1]));
}

// A full pipe (EAGAIN) is as good as a written one.  errno is kept, so that a signal handler may
// wake.
void Wake::wake() const noexcept {
  const int saved = errno;
  const char byte = 0;
  while (::write(writer_.get(), &byte, 1) < 0 && errno == EINTR) {
  }
  errno = saved;
}

void Wake::clear() const noexcept {
  std::array<char, 256> bytes{};
  while (::read(reader_.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size())) {
  }
}

}  // namespace sendonce::net
