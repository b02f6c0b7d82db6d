// The client's own certificate and key: PEM files, or objects of a PKCS#11 token (RFC 7512).
//
// Called by the thread that owns the session, in `start_tls` and before anything is sent.  PINs and
// passphrases are asked for (TlsSettings::ask_key_secret), used once and wiped; a wrong one is
// asked for anew once, and never when a further mistake would lock the token.  Credentials with a
// key are never shared.  Included only by tls_*.cc.

#pragma once

#include <memory>

#include "base/result.hh"
#include "net/tls.hh"
#include "net/tls_credentials.hh"

namespace sendonce::net {

/// Whom we trust and, if SETTINGS name one, who we are.  Errors: those of shared_credentials;
/// bad_argument (names the field and the file, with a remedy), declined.
Result<std::shared_ptr<const Credentials>> credentials_for(const TlsSettings& settings);

}  // namespace sendonce::net
