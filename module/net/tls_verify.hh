// Does the certificate prove the host?  Included only by tls_*.cc.
//
// Called once the server's certificate is there and before any byte of SMTP, in resumed sessions
// too.  Chain, dates and stapled OCSP by GnuTLS against the Credentials; names by tls_names.hh; the
// strength of keys by the table in tls_verify.cc.  What is found is only told: tls_policy.hh
// judges.

#pragma once

#include <string>
#include <vector>

#include "net/tls_certificate.hh"

namespace sendonce::net {

struct Findings {
  std::vector<std::string> faults;    ///< in words, with "it" for the certificate
  std::vector<std::string> warnings;  ///< see TlsInfo
};

/// HOST is comparable (tls_names.hh).  Nothing found: the certificate proves HOST.
Findings certificate_findings(gnutls_session_t session, const std::vector<Certificate>& chain,
                              const std::string& host, int authorities);

}  // namespace sendonce::net
