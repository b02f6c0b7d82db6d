// See net/network_watch.hh.  rtnetlink(7).

#include "net/network_watch.hh"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "net/descriptor.hh"
#include "net/poll.hh"

namespace sendonce::net {

struct NetworkWatch::Source {
  Descriptor socket;
};

NetworkWatch::NetworkWatch(std::unique_ptr<Source> source, Wake wake)
    : source_(std::move(source)), wake_(std::move(wake)) {}
NetworkWatch::NetworkWatch(NetworkWatch&&) noexcept = default;
NetworkWatch::~NetworkWatch() = default;

Result<NetworkWatch> NetworkWatch::make() {
  auto wake = Wake::make();
  if (!wake) return fail(wake.error());
  Descriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  const auto* plain = reinterpret_cast<const sockaddr*>(&address);
  if (!socket.valid() || ::bind(socket.get(), plain, sizeof address) != 0) {
    return fail(
        Cause::internal, Phase::none,
        "Changes of the network cannot be watched: " + std::generic_category().message(errno));
  }
  auto source = std::make_unique<Source>();
  source->socket = std::move(socket);
  return NetworkWatch(std::move(source), std::move(*wake));
}

namespace {

/// Is one of the messages in what was read a new address?
bool tells_address(const char* bytes, std::size_t size) {
  const auto* message = reinterpret_cast<const nlmsghdr*>(bytes);
  auto left = static_cast<unsigned>(size);
  for (; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
    if (message->nlmsg_type == RTM_NEWADDR) return true;
  }
  return false;
}

}  // namespace

bool NetworkWatch::wait() {
  alignas(nlmsghdr) std::array<char, 8192> bytes{};
  for (;;) {
    std::array<Interest, 1> interests{Interest{source_->socket.get(), true, false, false, false}};
    if (poll_for(interests, Deadline::never(), &wake_) != Poll::ready) return false;
    const ssize_t got = ::recv(source_->socket.get(), bytes.data(), bytes.size(), 0);
    // Too many at once (ENOBUFS) means that a lot has changed.
    if (got < 0 && errno == ENOBUFS) return true;
    if (got < 0 && errno != EAGAIN && errno != EINTR) return false;
    if (got > 0 && tells_address(bytes.data(), static_cast<std::size_t>(got))) return true;
  }
}

}  // namespace sendonce::net
