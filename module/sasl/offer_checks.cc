// See offer_checks.hh.

#include "sasl/offer_checks.hh"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "base/text.hh"

namespace sendonce::sasl {

namespace {

/// A server that asks for more rounds keeps the thread busy for long (a million takes about a
/// second); real ones ask for 4,096 to 600,000.
constexpr std::uint64_t most_iterations = 1'000'000;

/// The value of attribute NAME ("i=") in a SCRAM message; empty if there is none.
std::string_view attribute(std::string_view message, std::string_view name) {
  while (!message.empty()) {
    const std::string_view part = message.substr(0, message.find(','));
    if (part.starts_with(name)) return part.substr(name.size());
    message.remove_prefix(std::min(message.size(), part.size() + 1));
  }
  return {};
}

std::optional<std::string> unsound_scram(std::string_view challenge) {
  const std::string_view text = attribute(challenge, "i=");
  if (text.empty()) return std::nullopt;  // not the server-first-message, or the library says so
  std::uint64_t rounds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rounds);
  if (error != std::errc{} || end != text.data() + text.size() || rounds == 0)
    return "the server's iteration count is no number";
  if (rounds > most_iterations)
    return "the server wants " + std::to_string(rounds) + " rounds of hashing";
  return std::nullopt;
}

std::uint32_t little_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

/// MS-NLMP section 2.2.1.2.  libgsasl copies a challenge of any size into memory it does not clear,
/// and libntlm follows the offset in it.
std::optional<std::string> unsound_ntlm(std::string_view challenge) {
  using namespace std::string_view_literals;
  constexpr std::size_t smallest = 32;  // through the server's challenge
  const bool right = challenge.size() >= smallest && challenge.starts_with("NTLMSSP\0"sv) &&
                     little_endian(challenge.substr(8, 4)) == 2;
  if (!right) return "the server's message is no NTLM challenge";
  const std::size_t length = little_endian(challenge.substr(12, 2));
  const std::size_t offset = little_endian(challenge.substr(16, 4));
  if (length != 0 && (offset > challenge.size() || challenge.size() - offset < length))
    return "the NTLM challenge points beyond its end";
  return std::nullopt;
}

}  // namespace

std::optional<std::string> unsound(std::string_view mechanism, std::string_view challenge) {
  if (mechanism.starts_with("SCRAM-")) return unsound_scram(challenge);
  if (mechanism == "NTLM") return unsound_ntlm(challenge);
  return std::nullopt;
}

std::string scram_error(std::string_view message) {
  if (!message.starts_with("e=")) return {};
  std::string words = printable(attribute(message, "e="));
  std::replace(words.begin(), words.end(), '-', ' ');
  return words;
}

}  // namespace sendonce::sasl
