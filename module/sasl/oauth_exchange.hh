// XOAUTH2 (Google's and Microsoft's) and OAUTHBEARER (RFC 7628): one message with the token, and
// the server's reason where it refuses.  Seen within sasl/ alone.

#pragma once

#include "sasl/exchange.hh"
#include "sasl/table.hh"

namespace sendonce::sasl {

/// Errors: bad_argument, an empty token, or a control character in user or token.
Result<std::unique_ptr<Exchange>> begin_oauth(const Mechanism& mechanism,
                                              const Credentials& credentials);

}  // namespace sendonce::sasl
