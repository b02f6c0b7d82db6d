// From a host name and a port to a connected socket.
//
// Called by the thread that owns the delivery.  Resolution runs on a detached helper thread,
// because getaddrinfo(3) cannot be interrupted: the caller waits for it with a deadline and may
// walk away; the helper then throws its result away.  Connecting races the addresses as RFC 8305
// says: alternating families, 250 ms apart, the first that connects wins and the others are closed.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hh"
#include "base/result.hh"
#include "net/descriptor.hh"
#include "net/wake.hh"

namespace sendonce::net {

/// One address to try, opaque: a sockaddr with its length.
struct Endpoint {
  std::vector<unsigned char> bytes;
  int family = 0;
  [[nodiscard]] std::string text() const;  ///< "192.0.2.1:25", "[2001:db8::1]:25"
};

/// Errors: name_not_found, name_service, timed_out, cancelled.  HOST may be an address, with or
/// without brackets around IPv6.  An IDN host comes here as A-labels already.
Result<std::vector<Endpoint>> resolve(const std::string& host, std::uint16_t port,
                                      Deadline deadline, const Wake& wake);

/// The order of RFC 8305 section 4: families alternate, beginning with the first one's.
std::vector<Endpoint> interleave(std::vector<Endpoint> endpoints);

/// Connects to the first that answers: non-blocking, close-on-exec, TCP_NODELAY.  Errors:
/// connection_refused, unreachable, timed_out, cancelled; the message names each address tried.
Result<Descriptor> connect_any(const std::vector<Endpoint>& endpoints, Deadline deadline,
                               const Wake& wake);

}  // namespace sendonce::net
