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

/// DOMAIN, what follows the @ of a mail address, in A-labels as the DNS and SMTP have it.  Mapped
/// as UTS 46 says, without transition (ß and ς are letters of their own; fullwidth forms, capitals
/// and ideographic full stops become what they stand for).  Unlike a host it is never an address (a
/// literal in brackets never comes here), has no dot at its end, and stays as typed where it is
/// ASCII.  Errors: bad_argument, the text names DOMAIN and says what is wrong.
Result<std::string> mail_domain(const std::string& domain);

}  // namespace sendonce::net
