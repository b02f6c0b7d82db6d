// What libgsasl takes on trust in a challenge, looked at before it does.  Seen within sasl/ alone.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sendonce::sasl {

/// Why CHALLENGE of MECHANISM must not reach the library, in words; nullopt if it may.
std::optional<std::string> unsound(std::string_view mechanism, std::string_view challenge);

/// The e= of a SCRAM server-final-message (RFC 5802 section 7) in words; "" for any other message.
std::string scram_error(std::string_view message);

}  // namespace sendonce::sasl
