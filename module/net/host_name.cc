// See host_name.hh.

#include "net/host_name.hh"

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

struct FreeIdn {
  void operator()(char* text) const noexcept { idn2_free(text); }
};

// IDNA2008 without the mapping of ß and ς that IDNA2003 made (RFC 5895, UTS 46 nontransitional).
Result<std::string> a_labels(const std::string& host, const char* wanted) {
  unsigned char* made = nullptr;
  const int code = idn2_lookup_u8(reinterpret_cast<const unsigned char*>(host.c_str()), &made,
                                  IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<char, FreeIdn> owner(reinterpret_cast<char*>(made));
  if (code == IDN2_OK && is_host_name(owner.get())) return ascii_lower(owner.get());
  return fail(Cause::bad_argument, Phase::none,
              "\"" + printable(host) + "\" is no " + wanted +
                  (code == IDN2_OK ? "" : std::string(": ") + idn2_strerror(code)));
}

}  // namespace

bool is_host_name(std::string_view name) {
  if (name.empty() || name.front() == '.' || name.back() == '.') return false;
  return name.find("..") == std::string_view::npos &&
         std::all_of(name.begin(), name.end(), [](char c) { return c == '.' || is_name_char(c); });
}

Result<std::string> comparable_host(const std::string& host) {
  std::string bare = bare_host(host);
  if (bare.empty() || bare.find('\0') != std::string::npos)
    return fail(Cause::bad_argument, Phase::none, "there is no host name");
  if (!address_bytes(bare).empty()) return bare;
  return is_ascii(bare) ? Result<std::string>(ascii_lower(bare)) : a_labels(bare, "host name");
}

Result<std::string> mail_domain(const std::string& domain) {
  if (domain.empty() || domain.find('\0') != std::string::npos)
    return fail(Cause::bad_argument, Phase::none, "there is no domain");
  return is_ascii(domain) ? Result<std::string>(domain) : a_labels(domain, "domain");
}

}  // namespace sendonce::net
