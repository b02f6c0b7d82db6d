// Base64 (RFC 4648 section 4), strict.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace peer {

std::optional<std::string> base64_decode(std::string_view text);
std::string base64_encode(std::string_view bytes);

}  // namespace peer
