// The network watch in a network namespace of the test's own, where that can be had.

#include "net/network_watch.hh"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

namespace sendonce::net {
namespace {

/// Gives the loopback interface an address, as a network coming up does.
bool bring_up() {
  const int socket = ::socket(AF_INET, SOCK_DGRAM, 0);
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
  auto* address = reinterpret_cast<sockaddr_in*>(&request.ifr_addr);
  address->sin_family = AF_INET;
  ::inet_pton(AF_INET, "127.0.0.9", &address->sin_addr);
  const bool done = ::ioctl(socket, SIOCSIFADDR, &request) == 0;
  ::close(socket);
  return done;
}

/// In a process of its own, since a namespace cannot be left: 0 told, 1 not told, 77 no namespace.
int told_in_namespace() {
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0 && ::unshare(CLONE_NEWNET) != 0) return 77;
  auto watch = NetworkWatch::make();
  if (!watch || !bring_up()) return 77;
  return watch->wait() ? 0 : 1;
}

TEST(NetworkWatch, TellsANewAddress) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(told_in_namespace());
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "no network namespace can be made here";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace sendonce::net
