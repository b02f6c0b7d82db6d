// Does a Secret wipe what it held?  operator delete[] is replaced for this whole test binary, so
// that memory can be looked at after its owner let it go and before the heap has it again.

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/secret.hh"

namespace {

/// Blocks that are watched: where, how long, and what was in them when they were released.
struct Watched {
  const void* block = nullptr;
  std::size_t size = 0;
  bool released = false;
  bool clean = false;
};

thread_local Watched watched;  // NOLINT: operator delete[] has no other way to know

void look_at(const void* block) noexcept {
  if (block == nullptr || block != watched.block) return;
  const auto* bytes = static_cast<const volatile unsigned char*>(block);
  watched.released = true;
  watched.clean = true;
  for (std::size_t i = 0; i < watched.size; ++i) watched.clean = watched.clean && bytes[i] == 0;
  watched.block = nullptr;
}

}  // namespace

void* operator new[](std::size_t size) {
  if (void* block = std::malloc(size == 0 ? 1 : size)) return block;
  throw std::bad_alloc();
}
void operator delete[](void* block) noexcept {
  look_at(block);
  std::free(block);
}
void operator delete[](void* block, std::size_t) noexcept {
  look_at(block);
  std::free(block);
}

namespace sendonce {
namespace {

static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
static_assert(std::is_nothrow_move_constructible_v<Secret> &&
              std::is_nothrow_move_assignable_v<Secret>);
static_assert(!std::is_convertible_v<Secret, std::string_view>);
static_assert(!std::is_convertible_v<std::string_view, Secret>);

void watch(const Secret& secret) {
  watched = {secret.reveal().data(), secret.size(), false, false};
}

void expect_wiped() {
  EXPECT_TRUE(watched.released);
  EXPECT_TRUE(watched.clean);
}

TEST(SecretMemory, IsWipedWhenItDies) {
  {
    const Secret secret("correct horse battery staple");
    watch(secret);
  }
  expect_wiped();
}

TEST(SecretMemory, IsWipedWhenAssignedOver) {
  Secret secret("correct horse");
  watch(secret);
  secret = Secret("battery");
  expect_wiped();
  EXPECT_EQ(secret.reveal(), "battery");
}

TEST(SecretMemory, MovesWithoutACopy) {
  Secret one("correct horse");
  const char* const before = one.reveal().data();
  Secret two(std::move(one));
  EXPECT_EQ(two.reveal().data(), before);
  Secret three;
  three = std::move(two);
  EXPECT_EQ(three.reveal().data(), before);
  EXPECT_EQ(three.size(), 13U);
  EXPECT_TRUE(two.reveal().empty());  // NOLINT: moved from, and that is the question
}

TEST(SecretMemory, SurvivesAssignmentToItself) {
  Secret secret("correct horse");
  Secret& same = secret;
  secret = std::move(same);
  EXPECT_EQ(secret.reveal(), "correct horse");
}

TEST(SecretMemory, IsFilledInPlaceAndWiped) {
  {
    Secret secret(std::size_t{4});
    EXPECT_EQ(secret.reveal(), std::string_view("\0\0\0\0", 4));
    std::string_view("abcd").copy(secret.writable(), 4);
    EXPECT_EQ(secret.reveal(), "abcd");
    EXPECT_EQ(secret.reveal().data()[4], '\0');
    watch(secret);
  }
  expect_wiped();
}

TEST(SecretMemory, HoldsAnyOctet) {
  const std::string_view octets("a\0b\r\n\xff", 6);
  EXPECT_EQ(Secret(octets).copy().reveal(), octets);
  EXPECT_EQ(Secret("").reveal(), "");
  EXPECT_TRUE(Secret("").empty());
}

}  // namespace
}  // namespace sendonce
