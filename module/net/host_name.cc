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

struct Lookup {
  std::string name;  // in A-labels
  int code;          // of libidn2
};

// IDNA2008 without the mapping of ß and ς that IDNA2003 made (RFC 5895, UTS 46 nontransitional).
Lookup look_up(const std::string& name) {
  unsigned char* made = nullptr;
  const int code = idn2_lookup_u8(reinterpret_cast<const unsigned char*>(name.c_str()), &made,
                                  IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<char, FreeIdn> owner(reinterpret_cast<char*>(made));
  return {code == IDN2_OK ? owner.get() : "", code};
}

Result<std::string> a_labels(const std::string& host) {
  const Lookup made = look_up(host);
  if (made.code == IDN2_OK && is_host_name(made.name)) return ascii_lower(made.name);
  return fail(Cause::bad_argument, Phase::none,
              "\"" + printable(host) + "\" is no host name" +
                  (made.code == IDN2_OK ? "" : std::string(": ") + idn2_strerror(made.code)));
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 32 || byte == 127;
  });
}

/// As the user typed it, unless that could not be shown.
std::string shown(const std::string& domain) {
  return is_utf8(domain) && !has_control(domain) ? domain : printable(domain);
}

tl::unexpected<Error> no_domain(const std::string& domain, std::string_view why) {
  return fail(Cause::bad_argument, Phase::none,
              "\"" + shown(domain) + "\" is no domain: " + std::string(why));
}

/// What is wrong with a NAME, in A-labels, that is no host name.
std::string_view flaw(std::string_view name) {
  if (name.empty() || name.front() == '.' || name.back() == '.')
    return "it begins or ends with a dot";
  if (name.find("..") != std::string_view::npos) return "two dots follow each other";
  return "it has a character that no domain may have";
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
  return is_ascii(bare) ? Result<std::string>(ascii_lower(bare)) : a_labels(bare);
}

Result<std::string> mail_domain(const std::string& domain) {
  if (domain.empty()) return no_domain(domain, "it is empty");
  if (has_control(domain)) return no_domain(domain, "it has a control character");
  if (!is_utf8(domain)) return no_domain(domain, "it is not valid UTF-8");
  const Lookup made = is_ascii(domain) ? Lookup{domain, IDN2_OK} : look_up(domain);
  if (made.code != IDN2_OK) return no_domain(domain, idn2_strerror(made.code));
  if (!is_host_name(made.name)) return no_domain(domain, flaw(made.name));
  return made.name;
}

}  // namespace sendonce::net
