// The string members of a flat JSON object, as OAuth errors have them (RFC 7628 section 3.2.2).
//
// Tolerant: a number or a word is taken as its text, and what cannot be read ends the list. Bounded
// by the text given, which the caller bounds.  Not a JSON parser for any other purpose.

#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sendonce::sasl {

using Members = std::vector<std::pair<std::string, std::string>>;

[[nodiscard]] Members flat_members(std::string_view json);

}  // namespace sendonce::sasl
