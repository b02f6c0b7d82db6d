// The mechanisms of libgsasl.  Seen within sasl/ alone.

#pragma once

#include "sasl/exchange.hh"
#include "sasl/table.hh"

namespace sendonce::sasl {

/// Errors: auth_unavailable (this libgsasl has it not, or there is nothing to bind to),
/// bad_argument (NUL, CR or LF in user or password).
Result<std::unique_ptr<Exchange>> begin_gsasl(const Mechanism& mechanism,
                                              const Credentials& credentials);

}  // namespace sendonce::sasl
