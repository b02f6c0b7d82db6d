// Base64 (RFC 4648 section 4) whose results are wiped: libgsasl's own frees what it made unwiped.

#pragma once

#include <optional>
#include <string_view>

#include "base/secret.hh"

namespace sendonce::sasl {

[[nodiscard]] Secret base64_encode(std::string_view bytes);

/// Strict: no blanks, whole groups, padding where it belongs, no bits left over; and at most LIMIT
/// bytes.  nullopt for anything else.
[[nodiscard]] std::optional<Secret> base64_decode(std::string_view text, std::size_t limit);

}  // namespace sendonce::sasl
