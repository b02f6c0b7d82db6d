// Fuzz target: one sign-in exchange with a server that says anything.
//
// The first line of the input names the mechanism (a letter: its place among the known ones); each
// further line is a challenge: in base64 as it stands, or, after "~", yet to be encoded, with "%"
// for the nonce that the client has chosen, so that SCRAM gets beyond its first step.  The server
// does not know the password: no mechanism that proves it may come to its end.

#include <cstdlib>
#include <string>
#include <vector>

#include "sasl/base64.hh"
#include "sasl/mechanism.hh"
#include "target.hh"

namespace {

using sendonce::Secret;
using sendonce::sasl::Credentials;
using sendonce::sasl::Exchange;

constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

/// No Kerberos ticket of whoever runs this is to be used.
bool without_tickets() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread
  return ::setenv("KRB5CCNAME", "MEMORY:sendonce-fuzz", 1) == 0;
}

std::string mechanism_of(std::string_view line) {
  const auto known = sendonce::sasl::known_mechanisms();
  const unsigned letter = line.empty() ? 0U : static_cast<unsigned char>(line.front());
  return known[letter % known.size()];
}

void check(const Secret& response) {
  fuzz::require(response.reveal().find_first_not_of(base64_digits) == std::string_view::npos,
                "a response is base64", response.reveal());
}

/// The value of "r=" in what the client said first.
std::string nonce_of(const std::optional<Secret>& first) {
  if (!first) return {};
  const auto plain = sendonce::sasl::base64_decode(first->reveal(), 65536);
  if (!plain) return {};
  const std::string text(plain->reveal());
  const std::size_t at = text.find("r=");
  return at == std::string::npos ? "" : text.substr(at + 2);
}

/// Counts of iterations that would only cost time: the unit tests have them.
bool hashes_long(std::string_view line) {
  const std::size_t at = line.find("i=");
  if (at == std::string_view::npos) return false;
  const std::size_t end = line.find_first_not_of("0123456789", at + 2);
  return std::min(end, line.size()) - at > 6;
}

std::string challenge_of(std::string_view line, const std::string& nonce) {
  if (line.empty() || line.front() != '~') return std::string(line);
  std::string plain;
  for (const char c : line.substr(1)) plain += c == '%' ? nonce : std::string(1, c);
  return std::string(sendonce::sasl::base64_encode(plain).reveal());
}

void converse(const std::string& mechanism, Exchange& exchange, std::string_view text) {
  auto first = exchange.first();
  if (!first) return;
  if (*first) check(**first);
  const std::string nonce = nonce_of(*first);
  for (int i = 0; i < 20 && !text.empty(); ++i) {
    const auto response = exchange.respond(challenge_of(fuzz::take_line(text), nonce));
    if (response) check(*response);
  }
  fuzz::require(mechanism.find("SCRAM") == std::string::npos || !exchange.complete(),
                "nobody proves a password that he does not know", mechanism);
  fuzz::require(!fuzz::has_control(exchange.server_words()), "words are quoted");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  [[maybe_unused]] static const bool prepared = without_tickets();
  std::string_view text = fuzz::text_of(data, size);
  if (hashes_long(text)) return 0;
  const std::string mechanism = mechanism_of(fuzz::take_line(text));
  Credentials credentials{"user", Secret(std::string_view("pencil"))};
  credentials.host = "mail.example";
  auto exchange = Exchange::begin(mechanism, credentials);
  if (exchange) converse(mechanism, **exchange, text);
  return 0;
}
