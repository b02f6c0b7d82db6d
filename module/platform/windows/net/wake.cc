// See net/wake.hh.  select waits for sockets only, so this is a datagram socket of the loopback
// interface that is connected to itself: both ends of the wake are the one socket.  Nobody else can
// send to it, and what was sent before is remembered by it.

#include "net/wake.hh"

#include <array>
#include <utility>

#include "base/windows.hh"
#include "net/poll.hh"
#include "net/sockets.hh"

namespace sendonce::net {

namespace {

constexpr Milliseconds patience{1000};

bool connect_to_itself(SOCKET socket) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  auto* const plain = reinterpret_cast<sockaddr*>(&address);
  int size = sizeof address;
  return ::bind(socket, plain, size) == 0 && ::getsockname(socket, plain, &size) == 0 &&
         ::connect(socket, plain, size) == 0;
}

tl::unexpected<Error> no_wake(const std::string& why) {
  return fail(Cause::internal, Phase::none, "no socket for waking could be made: " + why);
}

}  // namespace

Wake::Wake(Descriptor reader, Descriptor writer)
    : reader_(std::move(reader)), writer_(std::move(writer)) {}

Result<Wake> Wake::make() {
  Descriptor socket(to_descriptor(open_socket(AF_INET, SOCK_DGRAM)));
  if (!socket.valid() || !connect_to_itself(to_socket(socket.get())))
    return no_wake(system_words(static_cast<unsigned long>(::WSAGetLastError())));
  Wake wake(std::move(socket), Descriptor());
  // A firewall that keeps us from talking to ourselves is better found here than at a cancel that
  // nobody hears.
  wake.wake();
  if (poll_for({}, Deadline::after(patience), &wake) != Poll::woken)
    return no_wake("what is sent on the loopback interface does not arrive (a firewall?)");
  wake.clear();
  return wake;
}

// A socket that takes no more (WSAEWOULDBLOCK) will wake all the same.
void Wake::wake() const noexcept {
  const int saved = ::WSAGetLastError();
  const char byte = 0;
  (void)::send(to_socket(reader_.get()), &byte, 1, 0);
  ::WSASetLastError(saved);
}

void Wake::clear() const noexcept {
  std::array<char, 16> bytes{};
  while (::recv(to_socket(reader_.get()), bytes.data(), static_cast<int>(bytes.size()), 0) > 0) {
  }
}

}  // namespace sendonce::net
