// Asking for PINs and passphrases, and never so often that a token locks.  Included only by
// tls_*.cc and their tests.
//
// Belongs to one set of Credentials and lives as long, since a token may ask for its PIN at each
// signature.  Called by the thread of the line.  Keeps no secret: what was given is copied to where
// GnuTLS wants it, and wiped.

#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/secret.hh"
#include "net/tls.hh"

namespace sendonce::net {

class KeySecrets {
 public:
  static constexpr int most_tries = 2;  // a token locks after 3 as a rule

  explicit KeySecrets(const TlsSettings& settings) : ask_(settings.ask_key_secret) {}

  std::optional<Secret> ask(const std::string& what, bool refused);

  /// GnuTLS' gnutls_pin_callback_t, SELF a KeySecrets; anything but 0: no PIN.
  static int for_token(void* self, int attempt, const char* url, const char* label,
                       unsigned int flags, char* pin, std::size_t room);

  /// The key is there: what was given last was right.
  void accept() { refused_ = false; }

  [[nodiscard]] bool declined() const { return declined_; }
  /// The last one given was wrong.
  [[nodiscard]] bool refused() const { return refused_; }
  /// One more wrong PIN would lock the token, so none was tried.
  [[nodiscard]] bool nearly_locked() const { return nearly_locked_; }

 private:
  int give(int attempt, const std::string& what, unsigned int flags, std::span<char> into);

  std::function<std::optional<Secret>(const KeySecretRequest&)> ask_;
  bool declined_ = false;
  bool refused_ = false;
  bool nearly_locked_ = false;
};

}  // namespace sendonce::net
