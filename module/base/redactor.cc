// See redactor.hh.

#include "base/redactor.hh"

#include <algorithm>
#include <array>
#include <random>

namespace sendonce {

namespace {

constexpr std::string_view mark = "<redacted>";
constexpr std::string_view cut_mark = "...";
constexpr std::size_t least_secret = 4;
constexpr std::size_t least_beginning = 6;

constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view base64url_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view lower_hex = "0123456789abcdef";
constexpr std::string_view upper_hex = "0123456789ABCDEF";

bool same(const Secret& a, const Secret& b) { return a.reveal() == b.reveal(); }

// --- the forms of a secret

unsigned bit(std::string_view bytes, std::size_t index) {
  const unsigned byte = static_cast<unsigned char>(bytes[index / 8]);
  return byte >> (7 - index % 8) & 1U;
}

/// The characters of base64 that depend on BYTES alone, where SKIP bits of them belong to a
/// character begun by what comes before.
Secret base64(std::string_view bytes, std::size_t skip, std::string_view digits) {
  Secret text((bytes.size() * 8 - skip) / 6);
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    for (std::size_t j = 0; j < 6; ++j) value = value << 1U | bit(bytes, skip + i * 6 + j);
    text.writable()[i] = digits[value];
  }
  return text;
}

/// How one octet is written in a form; at most 6 octets, none: as it is.
struct Written {
  std::array<char, 6> text{};
  std::size_t size = 0;
  void put(char c) { text.at(size++) = c; }
  void put_hex(unsigned char byte, std::string_view digits) {
    put(digits[byte >> 4U]);
    put(digits[byte & 15U]);
  }
};

using Write = Written (*)(unsigned char byte);

Written quoted(unsigned char byte) {
  Written out;
  if (byte >= 32 && byte < 127) return out;
  out.put('\\');
  out.put('x');
  out.put_hex(byte, lower_hex);
  return out;
}

bool is_unreserved(unsigned char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

Written percent(unsigned char byte, std::string_view digits) {
  Written out;
  if (is_unreserved(byte)) return out;
  out.put('%');
  out.put_hex(byte, digits);
  return out;
}

/// RFC 8259 section 7, what must be escaped.
Written json(unsigned char byte) {
  Written out;
  if (byte == '"' || byte == '\\') {
    out.put('\\');
    out.put(static_cast<char>(byte));
  } else if (byte < 32) {
    for (const char c : std::string_view("\\u00")) out.put(c);
    out.put_hex(byte, lower_hex);
  }
  return out;
}

Secret written(std::string_view bytes, Write write) {
  std::size_t size = 0;
  for (const char c : bytes)
    size += std::max<std::size_t>(1, write(static_cast<unsigned char>(c)).size);
  Secret text(size);
  char* at = text.writable();
  for (const char c : bytes) {
    const Written one = write(static_cast<unsigned char>(c));
    if (one.size == 0) *at++ = c;
    at = std::copy_n(one.text.begin(), one.size, at);
  }
  return text;
}

constexpr std::array<Write, 4> forms = {
    &quoted, &json, [](unsigned char byte) { return percent(byte, upper_hex); },
    [](unsigned char byte) { return percent(byte, lower_hex); }};

Secret random_mask(std::size_t size) {
  std::random_device random;
  Secret mask(size);
  for (std::size_t i = 0; i < size; ++i) mask.writable()[i] = static_cast<char>(random() & 0xFFU);
  return mask;
}

}  // namespace

// --- looking for them

bool Redactor::Needle::has(std::size_t index, char c) const {
  return (c ^ mask.reveal()[index]) == masked.reveal()[index];
}

std::size_t Redactor::Needle::common(std::string_view text, std::size_t at) const {
  std::size_t count = 0;
  while (count < size() && at + count < text.size() && has(count, text[at + count])) ++count;
  return count;
}

void Redactor::add_needle(const Secret& plain) {
  if (plain.size() < least_secret) return;
  Needle needle{plain.copy(), random_mask(plain.size())};
  for (std::size_t i = 0; i < plain.size(); ++i) {
    char& c = needle.masked.writable()[i];
    c = static_cast<char>(c ^ needle.mask.reveal()[i]);
  }
  needles_.push_back(std::move(needle));
}

void Redactor::add(const Secret& secret) {
  if (secret.size() < least_secret) return;
  add_needle(secret);
  for (const Write form : forms) {
    const Secret text = written(secret.reveal(), form);
    if (!same(text, secret)) add_needle(text);
  }
  // An octet begins at bit 0, 2 or 4 of a character; the rest of that character is not ours alone.
  for (const std::size_t skip : {0U, 4U, 2U}) {
    const Secret text = base64(secret.reveal(), skip, base64_digits);
    const Secret url = base64(secret.reveal(), skip, base64url_digits);
    add_needle(text);
    if (!same(text, url)) add_needle(url);
  }
}

/// The longest that stands at AT; with it what the end, or "...", cuts short.
std::size_t Redactor::match(std::string_view text, std::size_t at) const {
  std::size_t longest = 0;
  for (const Needle& needle : needles_) {
    const std::size_t common = needle.common(text, at);
    const std::string_view rest = text.substr(at + common);
    const bool cut = (rest.empty() || rest == cut_mark) && common >= least_beginning;
    if (common == needle.size() || cut) longest = std::max(longest, common);
  }
  return longest;
}

std::string Redactor::redact(std::string_view text) const {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = match(text, at);
    if (length == 0) {
      out += text[at++];
      continue;
    }
    out += mark;
    at += length;
  }
  return out;
}

std::size_t Redactor::unfinished(std::string_view text) const {
  std::size_t most = 0;
  for (const Needle& needle : needles_) {
    const std::size_t reach = std::min(needle.size() - 1, text.size());
    for (std::size_t length = reach; length > most; --length) {
      if (needle.common(text, text.size() - length) == length) most = length;
    }
  }
  return most;
}

}  // namespace sendonce
