// Resolution: literal addresses without a thread, names with one, errors by cause, and a resolver
// that hangs, for which this file stands in for getaddrinfo(3) (hosts under ".stub").

#include <gtest/gtest.h>

#include <atomic>
#include <string_view>

#include "base/synchronised.hh"
#include "net/address.hh"
#include "net/sockets.hh"
#include "net_support.hh"
#include "stand_in.hh"

namespace {

using sendonce::Synchronised;

struct StubState {
  bool released = false;
  int hanging = 0;
};

Synchronised<StubState>& stub() {
  static auto& state = *new Synchronised<StubState>();
  return state;
}

std::atomic<int> unblocked_signals = -1;
std::atomic<int> flags_seen = -1;

int hang() {
  auto state = stub().lock();
  ++state->hanging;
  stub().notify();
  state.wait([&state] { return state->released; });
  --state->hanging;
  stub().notify();
  return EAI_AGAIN;
}

int stub_answer(std::string_view host, int flags) {
  if (host == "hang.stub") return hang();
  if (host == "again.stub") return EAI_AGAIN;
  if (host == "fail.stub") return EAI_FAIL;
  flags_seen = flags;
  unblocked_signals = sendonce::net::test::count_unblocked_signals();
  return EAI_NONAME;
}

}  // namespace

extern "C" {

DECLARE_REAL(getaddrinfo)

int STAND_IN(getaddrinfo)(const char* host, const char* service, const addrinfo* hints,
                          addrinfo** list) {
  const bool is_name = hints != nullptr && (hints->ai_flags & AI_NUMERICHOST) == 0;
  if (is_name && std::string_view(host).ends_with(".stub"))
    return stub_answer(host, hints->ai_flags);
  return REAL(getaddrinfo)(host, service, hints, list);
}
}

namespace sendonce::net::test {
namespace {

Cause cause_of(const std::string& host) {
  const auto wake = make_wake();
  const auto found = resolve(host, 25, soon(), *wake);
  return found ? Cause::internal : found.error().cause;
}

std::string first_address(const std::string& host) {
  const auto wake = make_wake();
  const auto found = resolve(host, 25, soon(), *wake);
  return found && !found->empty() ? found->front().text() : "nothing";
}

TEST(NetAddress, BareHost) {
  EXPECT_EQ(bare_host("mail.example.org."), "mail.example.org");
  EXPECT_EQ(bare_host("[::1]"), "::1");
  EXPECT_EQ(bare_host("."), ".");
  EXPECT_EQ(bare_host(""), "");
}

TEST(NetAddress, Bytes) {
  EXPECT_EQ(address_bytes("192.0.2.1"), (std::vector<unsigned char>{192, 0, 2, 1}));
  EXPECT_EQ(address_bytes("[2001:db8::1]").size(), 16U);
  EXPECT_EQ(address_bytes("fe80::1%eth0").size(), 16U);
  EXPECT_TRUE(address_bytes("mail.example.org").empty());
  EXPECT_TRUE(address_bytes("192.0.2.1.example").empty());
}

TEST(NetAddress, TextAndBack) {
  EXPECT_EQ(address_text(address_bytes("192.0.2.1")), "192.0.2.1");
  EXPECT_EQ(address_text(address_bytes("2001:0db8::0001")), "2001:db8::1");
  EXPECT_EQ(address_text({1, 2, 3}), "");
}

TEST(NetResolve, LiteralAddresses) {
  EXPECT_EQ(first_address("192.0.2.1"), "192.0.2.1:25");
  EXPECT_EQ(first_address("2001:db8::1"), "[2001:db8::1]:25");
  EXPECT_EQ(first_address("[2001:db8::1]"), "[2001:db8::1]:25");
}

TEST(NetResolve, Localhost) {
  const std::string text = first_address("localhost");
  EXPECT_TRUE(text == "127.0.0.1:25" || text == "[::1]:25") << text;
}

TEST(NetResolve, NamesThatAreNot) {
  EXPECT_EQ(cause_of("nonexistent.invalid"), Cause::name_not_found);
  EXPECT_EQ(cause_of("nonexistent.INVALID."), Cause::name_not_found);
  EXPECT_EQ(cause_of("no-such-host.stub"), Cause::name_not_found);
  EXPECT_EQ(cause_of(""), Cause::bad_argument);
  EXPECT_EQ(cause_of(std::string("localhost\0.example", 18)), Cause::bad_argument);
}

TEST(NetResolve, ResolverTrouble) {
  EXPECT_EQ(cause_of("again.stub"), Cause::name_service);
  EXPECT_EQ(cause_of("fail.stub"), Cause::name_service);
}

TEST(NetResolve, HelperBlocksSignalsAndDropsAddressConfig) {
  EXPECT_EQ(cause_of("look.stub"), Cause::name_not_found);
  EXPECT_EQ(unblocked_signals, 0);
  EXPECT_EQ(flags_seen & AI_ADDRCONFIG, 0);  // of the second try
}

class NetResolveHanging : public testing::Test {
 protected:
  static void wait_for_hanging(int count) {
    auto state = stub().lock();
    EXPECT_TRUE(state.wait_until(soon().time(), [&] { return state->hanging == count; }));
  }

  void TearDown() override {
    stub().lock()->released = true;
    stub().notify();
    wait_for_hanging(0);
    stub().lock()->released = false;
  }
};

TEST_F(NetResolveHanging, EndsAtTheDeadline) {
  const auto wake = make_wake();
  const auto found = resolve("hang.stub", 25, Deadline::after(Milliseconds(20)), *wake);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().cause, Cause::timed_out);
  EXPECT_EQ(found.error().phase, Phase::resolve);
  wait_for_hanging(1);
}

TEST_F(NetResolveHanging, CanBeCancelled) {
  const auto wake = make_wake();
  const Running canceller([&] {
    wait_for_hanging(1);
    wake->wake();
  });
  const auto found = resolve("hang.stub", 25, Deadline::never(), *wake);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().cause, Cause::cancelled);
}

}  // namespace
}  // namespace sendonce::net::test
