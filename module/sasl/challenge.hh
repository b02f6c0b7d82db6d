// A challenge as the server sent it, made bytes, or the error that it cannot be.  Seen within
// sasl/.

#pragma once

#include <string>
#include <string_view>

#include "base/result.hh"
#include "base/secret.hh"

namespace sendonce::sasl {

/// "Sign-in cannot go on: WHY"; auth_failed.
Error cannot_go_on(const std::string& why);

/// The bytes of CHALLENGE, base64.  Error: auth_failed, it is none, or more than 64 KiB.
Result<Secret> decode_challenge(std::string_view challenge);

}  // namespace sendonce::sasl
