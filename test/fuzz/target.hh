// What the fuzz targets share: the entry point, how an input is taken apart, how a finding is told.
//
// Each target is one file with one `LLVMFuzzerTestOneInput`.  Under clang libFuzzer calls it
// (`make check-fuzz`); in every other build replay_main.cc calls it once for each file of the
// corpus, as a test of ctest.  A finding ends the program: that is how libFuzzer keeps the input.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fuzz {

/// Ends the program, saying WHAT does not hold and for which TEXT, unless HOLDS.
inline void require(bool holds, const char* what, std::string_view text = {}) {
  if (holds) return;
  (void)std::fprintf(stderr, "does not hold: %s: %s\n", what, std::string(text).c_str());
  std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as bytes
  return size == 0 ? std::string_view()
                   : std::string_view(reinterpret_cast<const char*>(data), size);
}

/// Takes the first line off TEXT, without its LF; all of it if it has none.
inline std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(line.size() < text.size() ? line.size() + 1 : line.size());
  return line;
}

inline bool has_control(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 32 || c == 127) return true;
  }
  return false;
}

/// One command: it ends in CRLF, and holds no other CR, LF, nor a NUL.
inline bool is_one_line(std::string_view bytes) {
  if (bytes.size() < 2 || bytes.substr(bytes.size() - 2) != "\r\n") return false;
  const std::string_view inside = bytes.substr(0, bytes.size() - 2);
  return inside.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

}  // namespace fuzz
