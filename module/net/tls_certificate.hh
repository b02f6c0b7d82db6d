// A server's certificate in words.  Included only by tls_*.cc.  Called by any thread; no I/O.

#pragma once

#include <ctime>
#include <string>
#include <vector>

#include "net/tls.hh"
#include "net/tls_handles.hh"

namespace sendonce::net {

/// The chain that the server of SESSION showed (in a resumed session: when the ticket was given),
/// its own certificate first.  Empty if there is none or it cannot be parsed.
std::vector<Certificate> server_chain(gnutls_session_t session);

CertificateInfo describe_certificate(const Certificate& certificate);

/// Distinguished names as text (RFC 4514), fit to be shown.
std::string subject_of(gnutls_x509_crt_t certificate);
std::string issuer_of(gnutls_x509_crt_t certificate);

/// A subject alternative name; BYTES as they are in the certificate.
struct AlternativeName {
  unsigned int type = 0;  ///< GNUTLS_SAN_...
  std::string bytes;
};

/// Those that can be read, in order; a name that no host can have is passed over.
std::vector<AlternativeName> alternative_names(const Certificate& certificate);

/// "2024-01-31 23:59 UTC".
std::string date_text(std::time_t time);

/// TEXT of the certificate, fit to be shown: no controls, no broken UTF-8, no more than 200 bytes.
std::string shown(const std::string& text);

}  // namespace sendonce::net
