// Does a certificate name the host?  By RFC 9525: subject alternative names only, never the common
// name; a wildcard is the whole left-most label and stands for exactly one.
//
// Pure functions, any thread, no I/O.  Included only by tls_*.cc and their tests.

#pragma once

#include <string>
#include <string_view>

#include "base/result.hh"
#include "net/tls_certificate.hh"

namespace sendonce::net {

/// Does PATTERN, a dNSName, match HOST, which is comparable?  Case does not count.
bool matches_name(std::string_view pattern, std::string_view host);

/// HOST is comparable.
bool proves_host(const Certificate& certificate, const std::string& host);

}  // namespace sendonce::net
