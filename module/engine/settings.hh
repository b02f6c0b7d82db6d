// An account as the engine knows it: how to reach a server and sign in there.
//
// Comes from Lisp, and is stored with an entry, as lines "key=value" without secrets (see
// emacs/INTERFACE.org).  Parsed into types that need no second look.  Pure.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hh"
#include "base/result.hh"
#include "smtp/session.hh"

namespace sendonce::engine {

struct Settings {
  std::string host;
  std::uint16_t port = 0;
  smtp::TlsMode tls = smtp::TlsMode::starttls;
  bool tls_unknown = false;             ///< `tls` is to be found out by asking the port
  std::string user;                     ///< "" : no sign-in
  std::vector<std::string> mechanisms;  ///< wanted, upper case, in order; empty: any
  std::string tls_host;                 ///< name to verify; "" : host
  std::vector<std::string> trust_files;
  std::string client_key;         ///< file or PKCS#11 URI; "" : no client certificate
  std::string client_cert;        ///< the same; "" : client_key names both
  std::vector<std::string> pins;  ///< keys one of which the server must have
  unsigned min_prime_bits = 0;    ///< of Diffie-Hellman; 0: GnuTLS' own policy
  bool ask_trust = false;         ///< Lisp judges each certificate, sound or not
  std::string priority;           ///< GnuTLS priority string; "" : the distribution's
  smtp::LocalName local_name;
  Seconds timeout{0};      ///< caps each phase but the end of data; 0: none
  Seconds keep_alive{0};   ///< how long a line is kept for another message; 0: not at all
  std::size_t window = 1;  ///< messages that may be in doubt at a time, should the line break
  bool chunking = true;
  bool pipelining = true;
  bool plain_sign_in = false;  ///< plain-text mechanisms without TLS are allowed

  /// Errors: bad_argument, naming the line's key and what it may be.
  static Result<Settings> parse(std::string_view text);
  /// "host:port".
  [[nodiscard]] std::string server() const;
  [[nodiscard]] const std::string& verified_host() const {
    return tls_host.empty() ? host : tls_host;
  }
};

}  // namespace sendonce::engine
