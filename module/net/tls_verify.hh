// Does the certificate prove the host?  Included only by tls_*.cc.
//
// Called after the handshake and before any byte of SMTP, in resumed sessions too.  Chain by GnuTLS
// against the Credentials; name by RFC 9525: subject alternative names only, never the common name.

#pragma once

#include <string>
#include <vector>

#include "net/tls_certificate.hh"

namespace sendonce::net {

/// Each fault in words, with "it" for the certificate: "it expired on ...".  Empty: it proves HOST.
std::vector<std::string> certificate_faults(gnutls_session_t session,
                                            const std::vector<Certificate>& chain,
                                            const std::string& host, int authorities);

}  // namespace sendonce::net
