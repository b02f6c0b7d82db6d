// See redact.hh.

#include "base/redact.hh"

#include <algorithm>
#include <string_view>

namespace sendonce {

namespace {

constexpr std::string_view mark = "<redacted>";
constexpr std::string_view digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Below this many characters of base64 it is chance, not the secret.
constexpr std::size_t least_base64 = 4;

void replace_all(std::string& text, std::string_view wanted) {
  if (wanted.empty()) return;
  for (std::size_t at = text.find(wanted); at != std::string::npos;
       at = text.find(wanted, at + mark.size())) {
    wipe(text.data() + at, wanted.size());
    text.replace(at, wanted.size(), mark);
  }
}

// Bit INDEX of BYTES.
unsigned bit(std::string_view bytes, std::size_t index) {
  return static_cast<unsigned char>(bytes[index / 8]) >> (7 - index % 8) & 1U;
}

/// The characters of base64 that depend on BYTES alone, when SKIP bits of them belong to a
/// character begun by what comes before.
Secret whole_characters(std::string_view bytes, std::size_t skip) {
  const std::size_t count = bytes.size() * 8 < skip ? 0 : (bytes.size() * 8 - skip) / 6;
  Secret characters(count);
  for (std::size_t i = 0; i < count; ++i) {
    unsigned value = 0;
    for (std::size_t j = 0; j < 6; ++j) value = value << 1U | bit(bytes, skip + i * 6 + j);
    characters.writable()[i] = digits[value];
  }
  return characters;
}

}  // namespace

std::string redact(std::string text, const Secret& secret) {
  replace_all(text, secret.reveal());
  // A byte begins at bit 0, 2 or 4 of a character; the rest of that character is not ours alone.
  for (const std::size_t skip : {0U, 4U, 2U}) {
    const Secret encoded = whole_characters(secret.reveal(), skip);
    if (encoded.size() >= least_base64) replace_all(text, encoded.reveal());
  }
  return text;
}

}  // namespace sendonce
