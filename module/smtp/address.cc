// See address.hh.

#include "smtp/address.hh"

#include <algorithm>

#include "base/text.hh"

namespace sendonce::smtp {

namespace {

constexpr std::size_t max_address = 900;  // leaves room in a 998-octet command line
constexpr std::size_t max_local_name = 255;
constexpr std::size_t max_mechanism = 20;

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 32 || byte == 127;
}

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_high(char c) { return static_cast<unsigned char>(c) >= 128; }

/// RFC 5322 atext, the dot, and UTF-8 (RFC 6531).  Dots may stand anywhere: some providers issued
/// such addresses.
bool is_atom_char(char c) {
  return is_alphanumeric(c) || is_high(c) ||
         std::string_view("!#$%&'*+-/=?^_`{|}~.").find(c) != std::string_view::npos;
}

bool is_domain_char(char c) { return is_alphanumeric(c) || is_high(c) || c == '-' || c == '_'; }

tl::unexpected<Error> bad(std::string_view what, std::string_view text, std::string_view why) {
  return fail(Cause::bad_argument, Phase::none,
              "The " + std::string(what) + " \"" + printable(text) + "\" " + std::string(why));
}

/// Length of the quoted string at the front of TEXT (RFC 5321 4.1.2), 0 if it does not end.
std::size_t quoted_length(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return i + 1;
    if (text[i] == '\\') ++i;
  }
  return 0;
}

std::size_t local_length(std::string_view text) {
  if (!text.empty() && text.front() == '"') return quoted_length(text);
  const auto* end = std::find_if_not(text.begin(), text.end(), is_atom_char);
  return static_cast<std::size_t>(end - text.begin());
}

bool is_literal(std::string_view domain) {
  if (domain.size() < 3 || domain.front() != '[' || domain.back() != ']') return false;
  const std::string_view inside = domain.substr(1, domain.size() - 2);
  return std::all_of(inside.begin(), inside.end(),
                     [](char c) { return is_alphanumeric(c) || c == ':' || c == '.' || c == '-'; });
}

/// Labels of letters, digits, hyphens, underscores or UTF-8, none of them empty.
bool is_domain(std::string_view domain) {
  if (domain.empty() || domain.front() == '.' || domain.back() == '.') return false;
  if (domain.find("..") != std::string_view::npos) return false;
  return std::all_of(domain.begin(), domain.end(),
                     [](char c) { return c == '.' || is_domain_char(c); });
}

bool is_mechanism_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

}  // namespace

Result<Address> Address::parse(std::string_view text) {
  if (text.empty()) return bad("address", text, "is empty");
  if (text.size() > max_address) return bad("address", text, "is too long");
  if (std::any_of(text.begin(), text.end(), is_control)) {
    return bad("address", text, "has a control character in it");
  }
  if (!is_utf8(text)) return bad("address", text, "is not valid UTF-8");
  const std::size_t local = local_length(text);
  if (local == 0) return bad("address", text, "has no valid local part before the @");
  if (local == text.size()) return Address(std::string(text));
  if (text[local] != '@') {
    return bad("address", text,
               "has a character that must be quoted at place " + std::to_string(local + 1));
  }
  const std::string_view domain = text.substr(local + 1);
  if (!is_domain(domain) && !is_literal(domain))
    return bad("address", text, "has no valid domain after the @");
  return Address(std::string(text));
}

bool Address::is_international() const { return !is_ascii(text_); }

Result<LocalName> LocalName::parse(std::string_view text) {
  if (text.size() > max_local_name || !is_ascii(text) || (!is_domain(text) && !is_literal(text))) {
    return bad("local name", text, "is neither a domain nor an address in brackets");
  }
  return LocalName(std::string(text));
}

Result<MechanismName> MechanismName::parse(std::string_view text) {
  std::string upper = ascii_upper(text);
  if (upper.empty() || upper.size() > max_mechanism ||
      !std::all_of(upper.begin(), upper.end(), is_mechanism_char)) {
    return bad("mechanism", text, "is no SASL mechanism name");
  }
  return MechanismName(std::move(upper));
}

}  // namespace sendonce::smtp
