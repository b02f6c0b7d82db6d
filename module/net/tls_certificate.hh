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

/// The DNS names of CERTIFICATE's subject alternative names (RFC 9525: the only ones that count).
std::vector<std::string> dns_names(const Certificate& certificate);

/// "2024-01-31 23:59 UTC".
std::string date_text(std::time_t time);

/// TEXT of the certificate, fit to be shown: no controls, no broken UTF-8, no more than 200 bytes.
std::string shown(const std::string& text);

}  // namespace sendonce::net
