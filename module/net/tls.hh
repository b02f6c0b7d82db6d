// TLS by GnuTLS: what is asked of a session, and what it turned out to be.
//
// GnuTLS types stay in tls*.cc.  Verification of chain and host name is always on; there is no
// switch for it.  Session tickets are kept in a TicketStore, shared by the lines of one engine.

#pragma once

#include <ctime>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/secret.hh"
#include "base/synchronised.hh"

namespace sendonce::net {

/// Session data for resumption, one a server ("host:port").  Thread-safe.  Memory only.
class TicketStore {
 public:
  void put(const std::string& server, Secret data);
  /// Hands the ticket over and forgets it (a TLS 1.3 ticket is for one use, RFC 8446 C.4).
  Secret take(const std::string& server);

 private:
  Synchronised<std::map<std::string, Secret>> tickets_;
};

struct TlsSettings {
  std::string host;  ///< the name to verify and to send as SNI (not for addresses)
  std::vector<std::string> trust_files;  ///< PEM files besides the system's trust store
  std::string priority;                  ///< GnuTLS priority string; empty keeps the distribution's
  std::string server;                    ///< key of the ticket store: "host:port"
  std::shared_ptr<TicketStore> tickets;  ///< nullptr: no resumption
};

/// The server's certificate in words.
struct CertificateInfo {
  std::string subject;
  std::string issuer;
  std::vector<std::string> names;  ///< subject alternative names
  std::time_t not_before = 0;
  std::time_t not_after = 0;
  std::string fingerprint;  ///< "sha256:" and 64 lower-case hex digits, of the DER certificate
};

struct TlsInfo {
  std::string version;  ///< "TLS 1.3"
  std::string cipher;   ///< GnuTLS' description: "(TLS1.3)-(ECDHE-...)-..."
  bool resumed = false;
  CertificateInfo certificate;
};

}  // namespace sendonce::net
