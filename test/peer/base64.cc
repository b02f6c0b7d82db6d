#include "base64.hh"

namespace peer {
namespace {

constexpr std::string_view digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::size_t padding(std::string_view text) {
  if (text.ends_with("==")) return 2;
  return text.ends_with('=') ? 1 : 0;
}

}  // namespace

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string result;
  unsigned bits = 0;
  for (std::size_t i = 0; i < text.size() - padding(text); ++i) {
    const std::size_t value = digits.find(text[i]);
    if (value == std::string_view::npos) return std::nullopt;
    bits = (bits << 6 | unsigned(value)) & 0xffffff;
    if (i % 4 != 0) result += char(bits >> (6 - 2 * (i % 4)) & 0xff);
  }
  return result;
}

std::string base64_encode(std::string_view bytes) {
  std::string result;
  unsigned bits = 0;
  unsigned pending = 0;  // of bits, how many are not written yet
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (pending += 8; pending >= 6; pending -= 6) result += digits[bits >> (pending - 6) & 63];
  }
  if (pending != 0) result += digits[bits << (6 - pending) & 63];
  while (result.size() % 4 != 0) result += '=';
  return result;
}

}  // namespace peer
