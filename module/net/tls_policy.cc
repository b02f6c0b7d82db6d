// See tls_policy.hh.

#include "net/tls_policy.hh"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/text.hh"
#include "net/tls_certificate.hh"

namespace sendonce::net {

namespace {

constexpr std::string_view pin_prefix = "sha256:";

bool is_pin(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  const std::string pin = ascii_lower(text);
  return pin.size() == pin_prefix.size() + 64 && pin.starts_with(pin_prefix) &&
         pin.find_first_not_of(digits, pin_prefix.size()) == std::string::npos;
}

// An unknown key is like no other, not even like another unknown one.
bool same_key(const std::string& pin, const std::string& key) {
  return !key.empty() && ascii_equal(pin, key);
}

Error not_accepted(const TlsSettings& settings, const TlsInfo& info) {
  std::string message = "the certificate of " + shown(settings.host) + " is not accepted: ";
  for (std::size_t i = 0; i < info.faults.size(); ++i)
    message += (i == 0 ? "" : "; ") + info.faults[i];
  return {Cause::certificate, Phase::tls, std::move(message), {}};
}

Error not_judged(const TlsSettings& settings) {
  return {Cause::certificate,
          Phase::tls,
          "the certificate of " + shown(settings.host) + " is still to be judged",
          {}};
}

}  // namespace

Status check_pins(const TlsSettings& settings) {
  const auto wrong = std::find_if_not(settings.pins.begin(), settings.pins.end(), is_pin);
  if (wrong == settings.pins.end()) return {};
  return fail(Cause::bad_argument, Phase::tls,
              "a pin is \"sha256:\" and 64 hex digits, not \"" + printable(*wrong) + "\"");
}

std::optional<std::string> pin_fault(const TlsSettings& settings, const std::string& key) {
  const bool pinned = std::any_of(settings.pins.begin(), settings.pins.end(),
                                  [&key](const std::string& pin) { return same_key(pin, key); });
  if (pinned) return std::nullopt;
  return "its key is not the one pinned (it is " + (key.empty() ? "unknown" : key) + ")";
}

std::optional<Error> objection(const TlsSettings& settings, const TlsInfo& info) {
  const bool accepted = same_key(settings.accepted_key, info.certificate.key_pin);
  const bool may_accept = accepted && settings.pins.empty();
  if (!info.faults.empty() && !may_accept) return not_accepted(settings, info);
  // A pin proves the server by itself: there is nothing to judge.
  if (settings.stop_before_trust && !accepted && settings.pins.empty()) return not_judged(settings);
  return std::nullopt;
}

}  // namespace sendonce::net
