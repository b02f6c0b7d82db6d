// What speaks at a port: found by asking it, for setting up an account and for explaining a
// failure.
//
// Called by any one thread that may wait.  Each call makes a connection of its own and closes it;
// nothing is verified, no byte of SMTP is sent, and what the port said is forgotten.

#pragma once

#include <cstdint>
#include <string>

#include "base/clock.hh"
#include "base/result.hh"
#include "net/wake.hh"

namespace sendonce::net {

enum class Speaks {
  tls,      ///< it answered a ClientHello with a TLS record
  clear,    ///< it said text
  silence,  ///< it said nothing (until the deadline, or until it closed), or nothing known
};

/// Connects anew and says a TLS ClientHello: a TLS answer (handshake or alert record) is `tls`,
/// text is `clear`.  Sends no more and closes.  Errors: those of resolve and connect_any,
/// cancelled.
Result<Speaks> ask_for_tls(const std::string& host, std::uint16_t port, Deadline deadline,
                           const Wake& wake);

/// Connects and only listens.  Errors as above.
Result<Speaks> listen_at(const std::string& host, std::uint16_t port, Deadline deadline,
                         const Wake& wake);

}  // namespace sendonce::net
