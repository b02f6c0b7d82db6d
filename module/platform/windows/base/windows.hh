// Windows' own words and letters: its texts are UTF-16, ours UTF-8.  Any thread.

#pragma once

#include <string>
#include <string_view>

namespace sendonce {

/// UTF-8 in UTF-16; what is no UTF-8 becomes U+FFFD.
std::wstring to_wide(std::string_view text);
/// UTF-16 in UTF-8.
std::string from_wide(std::wstring_view text);

/// An error number of Windows (GetLastError, WSAGetLastError) in words, without the final stop.
std::string system_words(unsigned long error);

}  // namespace sendonce
