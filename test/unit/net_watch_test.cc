// The network watch.

#include "net/network_watch.hh"

#include <gtest/gtest.h>

#include <thread>

namespace sendonce::net {
namespace {

TEST(NetworkWatch, StopsWhenTold) {
  auto watch = NetworkWatch::make();
  ASSERT_TRUE(watch.has_value()) << watch.error().message;
  std::thread other([&] { watch->stop(); });
  EXPECT_FALSE(watch->wait());
  other.join();
}

}  // namespace
}  // namespace sendonce::net
