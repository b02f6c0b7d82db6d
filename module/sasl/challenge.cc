// See challenge.hh.

#include "sasl/challenge.hh"

#include "sasl/base64.hh"

namespace sendonce::sasl {

namespace {
constexpr std::size_t longest_challenge = 65536;
}

Error cannot_go_on(const std::string& why) {
  return Error{Cause::auth_failed, Phase::sign_in, "Sign-in cannot go on: " + why, {}};
}

Result<Secret> decode_challenge(std::string_view challenge) {
  auto decoded = base64_decode(challenge, longest_challenge);
  if (!decoded) return fail(cannot_go_on("the server's challenge is not base64, or too long"));
  return std::move(*decoded);
}

}  // namespace sendonce::sasl
