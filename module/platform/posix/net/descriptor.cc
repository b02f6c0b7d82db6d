// See net/descriptor.hh.

#include "net/descriptor.hh"

#include <unistd.h>

namespace sendonce::net {

void Descriptor::close() noexcept {
  // Not retried after EINTR: on Linux the descriptor is gone all the same.
  if (valid()) ::close(release());
}

}  // namespace sendonce::net
