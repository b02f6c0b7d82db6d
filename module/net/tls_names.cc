// See tls_names.hh.

#include "net/tls_names.hh"

#include <algorithm>

#include "base/text.hh"
#include "net/address.hh"
#include "net/host_name.hh"

namespace sendonce::net {

namespace {

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

// A wildcard over a whole top-level domain is no use that anybody may have for it; so two labels at
// least follow it (what RFC 9525 section 6.3 leaves to us).
bool matches_name(std::string_view pattern, std::string_view host) {
  if (!pattern.starts_with("*.")) return is_host_name(pattern) && ascii_equal(pattern, host);
  pattern.remove_prefix(2);
  const std::size_t dot = host.find('.');
  return is_host_name(pattern) && pattern.find('.') != std::string_view::npos && dot > 0 &&
         dot != std::string_view::npos && ascii_equal(pattern, host.substr(dot + 1));
}

bool proves_host(const Certificate& certificate, const std::string& host) {
  const std::vector<unsigned char> address = address_bytes(host);
  return address.empty() ? proves_name(certificate, host) : proves_address(certificate, address);
}

}  // namespace sendonce::net
