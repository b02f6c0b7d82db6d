// Why TLS failed, in words that say what to do about it.  Included only by tls_*.cc.
//
// Called by the thread that owns the session, right after the call that failed; no I/O.

#pragma once

#include <gnutls/gnutls.h>

#include "base/error.hh"

namespace sendonce::net {

/// CODE is what a call on SESSION gave.  Cause tls_failed, or internal if memory ran out.
Error tls_error(gnutls_session_t session, int code);

/// Cause tls_failed: the session is there, but its Diffie-Hellman prime is not what the user wants.
Error short_prime(gnutls_session_t session);

}  // namespace sendonce::net
