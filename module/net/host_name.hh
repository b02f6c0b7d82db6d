// Host names: what is one, and its A-labels (RFC 5890), over libidn2.  Pure.

#pragma once

#include <string>
#include <string_view>

#include "base/result.hh"

namespace sendonce::net {

/// Labels of letters, digits, hyphens (and underscores, which are in use), none empty: this keeps
/// out NUL, blanks, U-labels in raw bytes, and a wildcard that is not at the front.
bool is_host_name(std::string_view name);

/// HOST as it is compared and sent: an address, or a name in A-labels without the root's dot.
/// Errors: bad_argument (no name at all, or one that IDNA2008 does not know).
Result<std::string> comparable_host(const std::string& host);

/// DOMAIN, of a mail address, in A-labels (RFC 6531 3.2); one that is ASCII is given back as it is.
/// Errors: bad_argument (IDNA2008, after the mapping of UTS 46, does not know it).
Result<std::string> mail_domain(const std::string& domain);

}  // namespace sendonce::net
