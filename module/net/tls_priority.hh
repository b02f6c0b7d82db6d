// Which TLS versions and algorithms: the priority string.  Included only by tls_*.cc.
//
// Called by the thread that owns the session; no I/O but GnuTLS' own reading of the distribution's
// policy.

#pragma once

#include <gnutls/gnutls.h>

#include <string>

#include "base/result.hh"

namespace sendonce::net {

/// Sets PRIORITY as TlsSettings says.  Errors: bad_argument, with the place that is not understood.
Status set_priority(gnutls_session_t session, const std::string& priority);

}  // namespace sendonce::net
