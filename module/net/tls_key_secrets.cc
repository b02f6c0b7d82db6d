// See tls_key_secrets.hh.

#include "net/tls_key_secrets.hh"

#include <gnutls/pkcs11.h>

#include <algorithm>
#include <exception>
#include <string_view>

namespace sendonce::net {

std::optional<Secret> KeySecrets::ask(const std::string& what, bool refused) {
  auto secret = ask_ ? ask_({what, refused}) : std::nullopt;
  declined_ = declined_ || !secret;
  return secret;
}

// An exception must not cross GnuTLS' C frames.
int KeySecrets::for_token(void* self, int attempt, const char* url, const char* label,
                          unsigned int flags, char* pin, std::size_t room) {
  try {
    const char* const what = label != nullptr ? label : url;
    return static_cast<KeySecrets*>(self)->give(attempt, what == nullptr ? "" : what, flags,
                                                {pin, room});
  } catch (const std::exception&) {
    return -1;
  }
}

// ATTEMPT counts from 0 for each sign-in to the token; a new sign-in after a refusal would be a way
// round the limit, so there is none.
int KeySecrets::give(int attempt, const std::string& what, unsigned int flags,
                     std::span<char> into) {
  const bool new_after_refusal = attempt == 0 && refused_;
  const bool wrong = attempt > 0 || (flags & GNUTLS_PIN_WRONG) != 0;
  refused_ = refused_ || wrong;
  nearly_locked_ = (flags & GNUTLS_PIN_FINAL_TRY) != 0;
  if (new_after_refusal || attempt >= most_tries || nearly_locked_) return -1;
  const auto secret = ask(what, wrong);
  if (!secret || secret->size() >= into.size()) return -1;
  const std::string_view bytes = secret->reveal();
  std::copy(bytes.begin(), bytes.end(), into.begin());
  into[bytes.size()] = '\0';
  return 0;
}

}  // namespace sendonce::net
