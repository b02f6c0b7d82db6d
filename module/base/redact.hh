// Taking a secret out of text that is to be shown or kept: a server may say back what it was told.
//
// Pure.  Copies that are made of the secret on the way are wiped.

#pragma once

#include <string>

#include "base/secret.hh"

namespace sendonce {

/// TEXT with each occurrence of SECRET replaced by "<redacted>": as it is, and in base64 at
/// whatever place of a longer string it was encoded with ("user\0password" of PLAIN, a token of
/// XOAUTH2). An empty secret changes nothing.
[[nodiscard]] std::string redact(std::string text, const Secret& secret);

}  // namespace sendonce
