// See settings.hh.  Keys are data: one row each.

#include "engine/settings.hh"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "base/text.hh"

namespace sendonce::engine {

namespace {

tl::unexpected<Error> bad(std::string_view key, std::string_view value, std::string_view wanted) {
  return fail(Cause::bad_argument, Phase::none,
              "The account's " + std::string(key) + " is \"" + printable(value) +
                  "\"; it must be " + std::string(wanted));
}

Status set_text(std::string& into, std::string_view key, std::string_view value) {
  const bool control = std::any_of(value.begin(), value.end(), [](char c) {
    return static_cast<unsigned char>(c) < 32 || c == 127;
  });
  if (control) return bad(key, value, "text without control characters");
  into = value;
  return {};
}

template <class Number>
Status set_number(Number& into, std::string_view key, std::string_view value, Number most,
                  std::string_view wanted) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  const bool whole = error == std::errc() && end == value.data() + value.size();
  if (!whole || number == 0 || number > static_cast<std::uint32_t>(most))
    return bad(key, value, wanted);
  into = static_cast<Number>(number);
  return {};
}

Status set_flag(bool& into, std::string_view key, std::string_view value) {
  if (value != "yes" && value != "no") return bad(key, value, "yes or no");
  into = value == "yes";
  return {};
}

/// What `auto` means is known only when the port is: see `resolve_auto`.
constexpr std::string_view tls_wanted = "implicit, starttls, opportunistic, auto or none";

Status set_tls(Settings& all, std::string_view key, std::string_view value, bool& is_auto) {
  using smtp::TlsMode;
  is_auto = value == "auto";
  if (is_auto) return {};
  if (value == "implicit") {
    all.tls = TlsMode::implicit;
  } else if (value == "starttls") {
    all.tls = TlsMode::starttls;
  } else if (value == "opportunistic") {
    all.tls = TlsMode::opportunistic;
  } else if (value == "none") {
    all.tls = TlsMode::none;
  } else {
    return bad(key, value, tls_wanted);
  }
  return {};
}

/// 465 is implicit TLS (RFC 8314 3.3), 25 and 587 are STARTTLS; any other port is asked.  STARTTLS
/// must be had, since a server that does not offer it cannot be told from an attacker who hides it.
void resolve_auto(Settings& all) {
  all.tls = all.port == 465 ? smtp::TlsMode::implicit : smtp::TlsMode::starttls;
  all.tls_unknown = all.port != 465 && all.port != 25 && all.port != 587;
}

/// "sha256:" and 64 hex digits, whatever their case, with or without colons between.
Status add_pin(Settings& all, std::string_view key, std::string_view value) {
  constexpr std::string_view prefix = "sha256:";
  std::string digits;
  const std::string text = ascii_lower(value);
  for (const char c : std::string_view(text).substr(std::min(text.size(), prefix.size()))) {
    if (c != ':') digits += c;
  }
  const bool is_hex = digits.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!text.starts_with(prefix) || digits.size() != 64 || !is_hex)
    return bad(key, value, "sha256: and 64 hex digits, of the server's public key");
  all.pins.push_back(std::string(prefix) + digits);
  return {};
}

Status set_mechanisms(Settings& all, std::string_view, std::string_view value) {
  for (const std::string_view word : split_words(value)) {
    auto name = smtp::MechanismName::parse(word);
    if (!name) return fail(name.error());
    all.mechanisms.push_back(name->text());
  }
  return {};
}

/// Settings are stored with each message: they hold no PIN (RFC 7512 2.4), which is asked for.
Status set_key_name(std::string& into, std::string_view key, std::string_view value) {
  if (value.find("pin-value=") != std::string_view::npos ||
      value.find("pin-source=") != std::string_view::npos)
    return fail(Cause::bad_argument, Phase::none,
                std::string(key) + " must not hold a PIN: it is asked for when it is needed");
  return set_text(into, key, value);
}

Status set_local_name(Settings& all, std::string_view, std::string_view value) {
  auto name = smtp::LocalName::parse(value);
  if (!name) return fail(name.error());
  all.local_name = *name;
  return {};
}

Status set_timeout(Settings& all, std::string_view key, std::string_view value) {
  std::uint32_t seconds = 0;
  Status status = set_number<std::uint32_t>(seconds, key, value, 86400, "seconds, 1 to 86400");
  all.timeout = Seconds(seconds);
  return status;
}

Status set_keep_alive(Settings& all, std::string_view key, std::string_view value) {
  std::uint32_t seconds = 0;
  Status status = set_number<std::uint32_t>(seconds, key, value, 3600, "seconds, 0 to 3600");
  all.keep_alive = Seconds(seconds);
  return status;
}

Status set_window(Settings& all, std::string_view key, std::string_view value) {
  std::uint16_t messages = 0;
  Status status = set_number<std::uint16_t>(messages, key, value, 100, "messages, 1 to 100");
  if (status) all.window = messages;
  return status;
}

struct Key {
  std::string_view name;
  Status (*set)(Settings&, std::string_view key, std::string_view value);
};

constexpr Key keys[] = {
    {"host", [](Settings& s, auto key, auto value) { return set_text(s.host, key, value); }},
    {"port",
     [](Settings& s, auto key, auto value) {
       return set_number<std::uint16_t>(s.port, key, value, 65535, "a port number, 1 to 65535");
     }},
    {"user", [](Settings& s, auto key, auto value) { return set_text(s.user, key, value); }},
    {"auth", set_mechanisms},
    {"tls-host",
     [](Settings& s, auto key, auto value) { return set_text(s.tls_host, key, value); }},
    {"trust-file", [](Settings& s, auto key,
                      auto value) { return set_text(s.trust_files.emplace_back(), key, value); }},
    {"client-key",
     [](Settings& s, auto key, auto value) { return set_key_name(s.client_key, key, value); }},
    {"client-cert",
     [](Settings& s, auto key, auto value) { return set_key_name(s.client_cert, key, value); }},
    {"pin", add_pin},
    {"min-prime-bits",
     [](Settings& s, auto key, auto value) {
       return set_number<unsigned>(s.min_prime_bits, key, value, 16384, "bits, 1 to 16384");
     }},
    {"ask-trust",
     [](Settings& s, auto key, auto value) { return set_flag(s.ask_trust, key, value); }},
    {"priority",
     [](Settings& s, auto key, auto value) { return set_text(s.priority, key, value); }},
    {"local-name", set_local_name},
    {"timeout", set_timeout},
    {"keep-alive", set_keep_alive},
    {"window", set_window},
    {"chunking",
     [](Settings& s, auto key, auto value) { return set_flag(s.chunking, key, value); }},
    {"pipelining",
     [](Settings& s, auto key, auto value) { return set_flag(s.pipelining, key, value); }},
    {"plain-sign-in",
     [](Settings& s, auto key, auto value) { return set_flag(s.plain_sign_in, key, value); }},
};

Status set_line(Settings& all, std::string_view line, bool& auto_tls) {
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) return bad("line", line, "key=value");
  const std::string_view key = line.substr(0, equals);
  const std::string_view value = line.substr(equals + 1);
  if (key == "tls") return set_tls(all, key, value, auto_tls);
  const auto* found = std::find_if(std::begin(keys), std::end(keys),
                                   [&](const Key& one) { return one.name == key; });
  if (found == std::end(keys)) return bad("line", line, "of a key that this version knows");
  return found->set(all, key, value);
}

}  // namespace

Result<Settings> Settings::parse(std::string_view text) {
  Settings all;
  bool auto_tls = true;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.empty()) continue;
    if (auto status = set_line(all, line, auto_tls); !status) return fail(status.error());
  }
  if (all.host.empty()) return bad("host", "", "the name of the mail server");
  if (all.port == 0) return bad("port", "", "a port number, 1 to 65535");
  if (auto_tls) resolve_auto(all);
  return all;
}

std::string Settings::server() const { return host + ":" + std::to_string(port); }

}  // namespace sendonce::engine
