// Whom we go on with: the rules over what was found.  Included only by tls_*.cc and their tests.
//
// Pure functions of settings and findings; any thread, no I/O.

#pragma once

#include <optional>
#include <string>

#include "base/error.hh"
#include "base/result.hh"
#include "net/tls.hh"

namespace sendonce::net {

/// Are the pins what TlsSettings says?  Errors: bad_argument.
Status check_pins(const TlsSettings& settings);

/// "its key is not the one pinned (it is sha256:...)" unless KEY is among the pins.
std::optional<std::string> pin_fault(const TlsSettings& settings, const std::string& key);

/// Why the server of INFO must not be talked to; nullopt: go on.  INFO has its faults already.
std::optional<Error> objection(const TlsSettings& settings, const TlsInfo& info);

}  // namespace sendonce::net
