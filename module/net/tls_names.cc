// See tls_names.hh.

#include "net/tls_names.hh"

#include <idn2.h>

#include <algorithm>
#include <memory>

#include "base/text.hh"
#include "net/address.hh"

namespace sendonce::net {

namespace {

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

// Labels of letters, digits, hyphens (and underscores, which are in use), none empty: this keeps
// out NUL, blanks, U-labels in raw bytes, and a wildcard that is not at the front.
bool is_name(std::string_view name) {
  if (name.empty() || name.front() == '.' || name.back() == '.') return false;
  return name.find("..") == std::string_view::npos &&
         std::all_of(name.begin(), name.end(), [](char c) { return c == '.' || is_name_char(c); });
}

struct FreeIdn {
  void operator()(char* text) const noexcept { idn2_free(text); }
};

// IDNA2008 without the mapping of ß and ς that IDNA2003 made (RFC 5895, UTS 46 nontransitional).
Result<std::string> a_labels(const std::string& host) {
  unsigned char* made = nullptr;
  const int code = idn2_lookup_u8(reinterpret_cast<const unsigned char*>(host.c_str()), &made,
                                  IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<char, FreeIdn> owner(reinterpret_cast<char*>(made));
  if (code == IDN2_OK && is_name(owner.get())) return ascii_lower(owner.get());
  return fail(Cause::bad_argument, Phase::tls,
              "\"" + printable(host) + "\" is no host name" +
                  (code == IDN2_OK ? "" : std::string(": ") + idn2_strerror(code)));
}

bool proves_address(const Certificate& certificate, const std::vector<unsigned char>& address) {
  const std::string bytes(address.begin(), address.end());
  const auto names = alternative_names(certificate);
  return std::any_of(names.begin(), names.end(), [&bytes](const AlternativeName& name) {
    return name.type == GNUTLS_SAN_IPADDRESS && name.bytes == bytes;
  });
}

bool proves_name(const Certificate& certificate, std::string_view host) {
  const auto names = alternative_names(certificate);
  return std::any_of(names.begin(), names.end(), [host](const AlternativeName& name) {
    return name.type == GNUTLS_SAN_DNSNAME && matches_name(name.bytes, host);
  });
}

}  // namespace

Result<std::string> comparable_host(const std::string& host) {
  std::string bare = bare_host(host);
  if (bare.empty() || bare.find('\0') != std::string::npos)
    return fail(Cause::bad_argument, Phase::tls, "there is no host name to verify");
  if (!address_bytes(bare).empty()) return bare;
  return is_ascii(bare) ? Result<std::string>(ascii_lower(bare)) : a_labels(bare);
}

// A wildcard over a whole top-level domain is no use that anybody may have for it; so two labels at
// least follow it (what RFC 9525 section 6.3 leaves to us).
bool matches_name(std::string_view pattern, std::string_view host) {
  if (!pattern.starts_with("*.")) return is_name(pattern) && ascii_equal(pattern, host);
  pattern.remove_prefix(2);
  const std::size_t dot = host.find('.');
  return is_name(pattern) && pattern.find('.') != std::string_view::npos && dot > 0 &&
         dot != std::string_view::npos && ascii_equal(pattern, host.substr(dot + 1));
}

bool proves_host(const Certificate& certificate, const std::string& host) {
  const std::vector<unsigned char> address = address_bytes(host);
  return address.empty() ? proves_name(certificate, host) : proves_address(certificate, address);
}

}  // namespace sendonce::net
