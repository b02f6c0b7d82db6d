// Small helpers for ASCII protocol text.  Locale never plays a part.

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sendonce {

[[nodiscard]] char ascii_upper(char c);
[[nodiscard]] std::string ascii_upper(std::string_view text);
[[nodiscard]] std::string ascii_lower(std::string_view text);
[[nodiscard]] bool ascii_equal(std::string_view a, std::string_view b);
/// Only bytes below 128?
[[nodiscard]] bool is_ascii(std::string_view text);
/// The words of TEXT between runs of spaces and tabs.
[[nodiscard]] std::vector<std::string_view> split_words(std::string_view text);
/// TEXT with controls and non-ASCII as \xNN, cut to LIMIT bytes with "..." : to quote what was
/// read.
[[nodiscard]] std::string printable(std::string_view text, std::size_t limit = 120);
/// Valid UTF-8 (RFC 3629: no surrogates, no overlong forms)?
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace sendonce
