// The peer's certificates: a CA in DIR/ca.pem for clients to trust, and a server certificate with
// its key.  ECDSA P-256.  Made at the first start, reused afterwards.  Runs in main() before any
// thread starts.

#pragma once

#include <filesystem>

#include "options.hh"

namespace peer {

// The PEM file with the server's certificate and key: DIR/server.pem, or DIR/server-FAULT.pem.
std::filesystem::path make_certificates(const Options& options);

}  // namespace peer
