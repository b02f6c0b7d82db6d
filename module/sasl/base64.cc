// See base64.hh.

#include "sasl/base64.hh"

#include <cstdint>

namespace sendonce::sasl {

namespace {

constexpr std::string_view digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The byte at AT as a number; 0 beyond the end.
std::uint32_t byte(std::string_view bytes, std::size_t at) {
  return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0U;
}

std::size_t padding(std::string_view text) {
  if (text.ends_with("==")) return 2;
  return text.ends_with("=") ? 1 : 0;
}

/// The 24 bits of four digits; nullopt if one is none.  The last PAD of them are padding.
std::optional<std::uint32_t> group(std::string_view four, std::size_t pad) {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t value = i < 4 - pad ? digits.find(four[i]) : 0;
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
  }
  return bits;
}

}  // namespace

Secret base64_encode(std::string_view bytes) {
  Secret text((bytes.size() + 2) / 3 * 4);
  char* out = text.writable();
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::uint32_t bits =
        byte(bytes, at) << 16 | byte(bytes, at + 1) << 8 | byte(bytes, at + 2);
    for (int shift = 18; shift >= 0; shift -= 6) *out++ = digits[bits >> shift & 63];
  }
  for (std::size_t size = bytes.size(); size % 3 != 0; ++size) *--out = '=';
  return text;
}

std::optional<Secret> base64_decode(std::string_view text, std::size_t limit) {
  if (text.size() % 4 != 0) return std::nullopt;
  const std::size_t pad = padding(text);
  const std::size_t size = text.size() / 4 * 3 - pad;
  if (size > limit) return std::nullopt;
  Secret bytes(size);
  for (std::size_t at = 0, from = 0; from < text.size(); from += 4) {
    const bool last = from + 4 == text.size();
    const auto bits = group(text.substr(from, 4), last ? pad : 0);
    if (!bits || (last && (*bits & ((1U << 8 * pad) - 1)) != 0)) return std::nullopt;
    for (int shift = 16; shift >= 0 && at < size; shift -= 8) {
      bytes.writable()[at++] = static_cast<char>(*bits >> shift & 255);
    }
  }
  return bytes;
}

}  // namespace sendonce::sasl
