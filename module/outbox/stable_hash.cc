// See stable_hash.hh.

#include "outbox/stable_hash.hh"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.hh"

namespace sendonce::outbox {

namespace {

/// A longer line is no boundary (RFC 2046 5.1.1 has 70 octets) and no header worth looking into.
constexpr std::size_t longest_line = 4096;
/// A header is looked into up to here.
constexpr std::size_t longest_header = 65536;

constexpr std::size_t digest_size = 32;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// Where the value of the parameter "boundary" is in HEADER, with quotes; empty if it has none.
std::pair<std::size_t, std::size_t> find_boundary(const std::string& header) {
  constexpr std::string_view name = "boundary=";
  const std::string lower = ascii_lower(header);
  for (auto at = lower.find(name); at != std::string::npos; at = lower.find(name, at + 1)) {
    if (at > 0 && is_word(lower[at - 1])) continue;
    const std::size_t start = at + name.size();
    std::size_t end = header.find_first_of(" ;\t\r\n", start);
    if (start < header.size() && header[start] == '"') {
      end = header.find('"', start + 1);
      if (end != std::string::npos) ++end;
    }
    if (end == std::string::npos) end = header.size();
    if (end > start) return {start, end - start};
  }
  return {0, 0};
}

std::string unquoted(std::string_view value) {
  if (value.size() >= 2 && value.front() == '"') value = value.substr(1, value.size() - 2);
  return std::string(value);
}

}  // namespace

struct StableHash::Digest {
  gnutls_hash_hd_t handle = nullptr;
  bool good = gnutls_hash_init(&handle, GNUTLS_DIG_SHA256) == GNUTLS_E_SUCCESS;
};

StableHash::StableHash(std::string boundary) : digest_(std::make_unique<Digest>()) {
  if (!boundary.empty()) known_.push_back(std::move(boundary));
}

StableHash::~StableHash() {
  if (digest_->good) gnutls_hash_deinit(digest_->handle, nullptr);
}

void StableHash::put(std::string_view bytes) {
  if (digest_->good) gnutls_hash(digest_->handle, bytes.data(), bytes.size());
}

void StableHash::add(std::string_view bytes) {
  if (known_.empty()) return put(bytes);
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end == std::string_view::npos ? end : end + 1);
    bytes.remove_prefix(part.size());
    const bool whole = end != std::string_view::npos;
    if (passing_) {
      put(part);
      passing_ = !whole;
    } else if (whole && partial_.empty()) {
      line(part);
    } else {
      partial_ += part;
      if (whole) line(std::exchange(partial_, {}));
    }
    if (partial_.size() > longest_line) {
      end_header();
      put(std::exchange(partial_, {}));
      passing_ = true;
    }
  }
}

/// TEXT: with its line end, if it has one.
void StableHash::line(std::string_view text) {
  const bool bounds = text.starts_with("--");
  if (bounds) end_header();  // one without a blank line after it
  if (in_header_) return header_line(text);
  if (!bounds || !boundary_line(text)) put(text);
}

std::size_t StableHash::place_of(std::string_view boundary) const {
  const auto found = std::find(known_.begin(), known_.end(), boundary);
  return static_cast<std::size_t>(found - known_.begin());
}

bool StableHash::boundary_line(std::string_view text) {
  std::string_view name = text.substr(2);
  const std::size_t end = name.find_last_not_of(" \t\r\n");
  name = name.substr(0, end == std::string_view::npos ? 0 : end + 1);
  std::size_t place = place_of(name);
  const bool closes = place == known_.size() && name.ends_with("--");
  if (closes) place = place_of(name.substr(0, name.size() - 2));
  if (place == known_.size()) return false;
  put("--" + std::to_string(place + 1) + (closes ? "--\n" : "\n"));
  in_header_ = !closes;  // after the last part comes no header
  return true;
}

void StableHash::header_line(std::string_view text) {
  header_ += text;
  const bool blank = text.find_first_not_of("\r\n") == std::string_view::npos;
  if (blank || header_.size() > longest_header) end_header();
}

void StableHash::end_header() {
  if (!std::exchange(in_header_, false)) return;
  const auto [start, size] = find_boundary(header_);
  if (size > 0) {
    known_.push_back(unquoted(std::string_view(header_).substr(start, size)));
    header_.erase(start, size);
  }
  put(std::exchange(header_, {}));
}

std::string StableHash::finish() {
  if (!partial_.empty()) line(std::exchange(partial_, {}));
  end_header();
  std::array<unsigned char, digest_size> bytes{};
  if (digest_->good) gnutls_hash_output(digest_->handle, bytes.data());
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (const unsigned char byte : bytes) {
    hex += digits[byte >> 4U];
    hex += digits[byte & 15U];
  }
  return hex;
}

}  // namespace sendonce::outbox
