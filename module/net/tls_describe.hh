// What a TLS session turned out to be, in words.  Included only by tls_*.cc.  Called by the thread
// that owns the session, once its handshake has come to the server's certificate; no I/O.

#pragma once

#include <optional>

#include "net/tls.hh"
#include "net/tls_handles.hh"

namespace sendonce::net {

/// All of TlsInfo but certificates and what is to be said of them.
TlsInfo describe_session(gnutls_session_t session);

/// Only for a session whose handshake is done and whose server has been accepted.
std::optional<ChannelBinding> binding_of(gnutls_session_t session);

}  // namespace sendonce::net
