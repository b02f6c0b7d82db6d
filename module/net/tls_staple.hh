// What GnuTLS does not ask of a stapled OCSP response (RFC 6066 section 8).  Included only by
// tls_*.cc.  Called by the thread that owns the session, once the server's certificate is there.

#pragma once

#include <gnutls/gnutls.h>

namespace sendonce::net {

/// More flags for the status that gnutls_certificate_verify_peers gives, which checks signature,
/// issuer, revocation and age: 0 if there is no staple, as in a resumed session.
unsigned int staple_flags(gnutls_session_t session);

}  // namespace sendonce::net
