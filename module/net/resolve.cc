// From a name to addresses: `resolve` of connect.hh.
//
// getaddrinfo(3) can neither be interrupted nor given a deadline.  So it runs on a detached helper;
// the two sides share a Lookup, which lives until the later of them lets go.  The helper ends by
// waking `done`; a caller that has left by then (deadline, cancel) never hears of it.

#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "base/synchronised.hh"
#include "base/text.hh"
#include "net/address.hh"
#include "net/connect.hh"
#include "net/detached_thread.hh"
#include "net/host_name.hh"
#include "net/poll.hh"
#include "net/sockets.hh"

namespace sendonce::net {

namespace {

using Endpoints = std::vector<Endpoint>;

struct Lookup {
  explicit Lookup(Wake wake) : done(std::move(wake)) {}
  Wake done;
  Synchronised<std::optional<Result<Endpoints>>> answer;
};

struct FreeAddresses {
  void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Endpoints to_endpoints(const addrinfo* list) {
  Endpoints endpoints;
  for (; list != nullptr; list = list->ai_next) {
    const auto* const bytes = reinterpret_cast<const unsigned char*>(list->ai_addr);
    endpoints.push_back({{bytes, bytes + list->ai_addrlen}, list->ai_family});
  }
  return endpoints;
}

/// What getaddrinfo gives: its error code, or 0 and addresses.
int look_up(const std::string& host, std::uint16_t port, int flags, Endpoints& endpoints) {
  need_sockets();
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (code != 0) return code;
  const Addresses addresses(list);
  endpoints = to_endpoints(list);
  return 0;
}

bool is_name_missing(int code) {
#ifdef EAI_NODATA
  if (code == EAI_NODATA) return true;
#endif
#ifdef EAI_ADDRFAMILY
  if (code == EAI_ADDRFAMILY) return true;
#endif
  return code == EAI_NONAME;
}

tl::unexpected<Error> not_found(const std::string& host) {
  return fail(Cause::name_not_found, Phase::resolve,
              "there is no host named \"" + printable(host) + "\"");
}

tl::unexpected<Error> lookup_failure(const std::string& host, int code) {
  if (is_name_missing(code)) return not_found(host);
  return fail(
      Cause::name_service, Phase::resolve,
      "the address of \"" + printable(host) + "\" could not be looked up: " + lookup_words(code));
}

// AI_ADDRCONFIG spares us addresses of a family that this machine has not, but it does not count
// loopback: where nothing else is configured, "localhost" needs the second try.
Result<Endpoints> look_up_name(const std::string& host, std::uint16_t port) {
  Endpoints endpoints;
  int code = look_up(host, port, AI_ADDRCONFIG, endpoints);
  if (is_name_missing(code)) code = look_up(host, port, 0, endpoints);
  if (code != 0) return lookup_failure(host, code);
  return endpoints;
}

// RFC 6761 section 6.4: libraries answer for "invalid." themselves.
bool is_invalid_domain(const std::string& host) {
  const std::string name = "." + ascii_lower(host);
  return name.ends_with(".invalid");
}

Result<Endpoints> take_answer(Lookup& lookup) {
  auto answer = lookup.answer.lock();
  if (!answer->has_value())
    return fail(Cause::internal, Phase::resolve, "the resolver said nothing");
  return std::move(**answer);
}

Result<Endpoints> wait_for(Lookup& lookup, const std::string& host, Deadline deadline,
                           const Wake& wake) {
  Interest done{lookup.done.descriptor(), true};
  switch (poll_for({&done, 1}, deadline, &wake)) {
    case Poll::ready:
      return take_answer(lookup);
    case Poll::timed_out:
      return fail(Cause::timed_out, Phase::resolve,
                  "the address of \"" + printable(host) + "\" was not found in time");
    case Poll::woken:
      return fail(Cause::cancelled, Phase::resolve, "cancelled");
    case Poll::failed:
      break;
  }
  return fail(Cause::internal, Phase::resolve, "waiting for the resolver failed");
}

void answer_lookup(Lookup& lookup, const std::string& host, std::uint16_t port) {
  Result<Endpoints> answer = look_up_name(host, port);
  lookup.answer.lock()->emplace(std::move(answer));
  lookup.done.wake();
}

Result<Endpoints> resolve_name(const std::string& host, std::uint16_t port, Deadline deadline,
                               const Wake& wake) {
  Result<Wake> done = Wake::make();
  if (!done) return fail(std::move(done.error()));
  const auto lookup = std::make_shared<Lookup>(std::move(*done));
  const bool started = start_detached([lookup, host, port] { answer_lookup(*lookup, host, port); });
  if (!started) return fail(Cause::name_service, Phase::resolve, "no thread for the resolver");
  return wait_for(*lookup, host, deadline, wake);
}

}  // namespace

Result<Endpoints> resolve(const std::string& host, std::uint16_t port, Deadline deadline,
                          const Wake& wake) {
  // getaddrinfo takes a C string: what follows a NUL would be dropped, and another host be asked.
  const auto name = comparable_host(host);
  if (!name)
    return fail(Cause::bad_argument, Phase::resolve, "\"" + printable(host) + "\" is no host name");
  const std::string& bare = *name;
  Endpoints endpoints;
  if (look_up(bare, port, AI_NUMERICHOST, endpoints) == 0) return endpoints;
  if (is_invalid_domain(bare)) return not_found(bare);
  return resolve_name(bare, port, deadline, wake);
}

}  // namespace sendonce::net
