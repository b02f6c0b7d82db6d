// See net/descriptor.hh.  Every descriptor of net/ is a socket here.

#include "net/descriptor.hh"

#include "net/sockets.hh"

namespace sendonce::net {

void Descriptor::close() noexcept {
  if (valid()) ::closesocket(to_socket(release()));
}

}  // namespace sendonce::net
