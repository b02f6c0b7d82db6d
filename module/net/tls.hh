// TLS by GnuTLS: what is asked of a session, and what it turned out to be.
//
// GnuTLS types stay in tls*.cc.  Verification is always on; there is no switch for it.  A server is
// proven by chain, dates and name, or by its key where the user said so: see `pins` and
// `accepted_key`.  Session tickets are kept in a TicketStore, shared by the lines of one engine.

#pragma once

#include <ctime>
#include <functional>
#include <map>
#include <memory>
#include <optional>
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

/// Asked for the PIN of a token or the passphrase of a key file; nullopt: declined.
struct KeySecretRequest {
  std::string what;      ///< the token's label or the file's name
  bool refused = false;  ///< the last one was wrong
};

/// A key as `pins` and `accepted_key` name it: "sha256:" and 64 hex digits, the SHA-256 of the
/// certificate's SubjectPublicKeyInfo (what RFC 7469 pins, in hex).
struct TlsSettings {
  std::string host;  ///< to verify, and to send as SNI (not for addresses); U-labels are taken too
  std::vector<std::string> trust_files;  ///< PEM files besides the system's trust store
  /// GnuTLS priority string; empty keeps the distribution's.  TLS 1.0 and 1.1 stay off (RFC 8997)
  /// unless the string itself names VERS-TLS1.0 or VERS-TLS1.1; SSL 3.0 always does.
  std::string priority;
  std::string server;                    ///< key of the ticket store: "host:port"
  std::shared_ptr<TicketStore> tickets;  ///< nullptr: no resumption; nor is there with `client_key`

  // Initialised, so that a list of the first few makes no warning.

  /// PEM file or PKCS#11 URI (RFC 7512); "": no client certificate.  It is shown only to a server
  /// that has proven itself.
  std::string client_key{};
  std::string client_cert{};  ///< the same; "": what `client_key` names holds both
  /// Called by the thread of the line, in `start_tls`, with no lock held.  Empty: declined.
  std::function<std::optional<Secret>(const KeySecretRequest&)> ask_key_secret{};

  /// If there are any, the server's key must be among them, and that alone proves the server:
  /// chain, dates and names are not asked, and `accepted_key` does not help.
  std::vector<std::string> pins{};
  /// The key of a server that the user accepted in spite of its faults; "": none.
  std::string accepted_key{};
  /// Somebody else judges: after the handshake it ends with Cause::certificate, whatever was found,
  /// unless `accepted_key` is the server's key.  `TlsInfo` tells what there is to judge.
  bool stop_before_trust = false;
  unsigned min_prime_bits = 0;  ///< least Diffie-Hellman prime; 0: GnuTLS' own policy
};

/// A certificate in words.  What is not known is "".
struct CertificateInfo {
  std::string subject;
  std::string issuer;
  std::vector<std::string> names;  ///< subject alternative names
  std::time_t not_before = 0;
  std::time_t not_after = 0;
  std::string fingerprint;  ///< "sha256:" and 64 lower-case hex digits, of the DER certificate
  std::string key_pin;      ///< the same of its SubjectPublicKeyInfo: see TlsSettings

  // In the words and formats of Emacs' `gnutls-peer-status`, for its network security manager.
  std::string version;                ///< "3"
  std::string serial;                 ///< "05:a1:..."
  std::string public_key_algorithm;   ///< "RSA", "EC/ECDSA"
  std::string security_level;         ///< "Medium", "High"
  std::string signature_algorithm;    ///< "RSA-SHA256"
  std::string key_id_sha1;            ///< "sha1:ab:cd:...", of the SubjectPublicKeyInfo
  std::string key_id_sha256;          ///< "sha256:ab:cd:..."
  std::string certificate_id_sha1;    ///< "sha1:ab:cd:...", of the DER certificate
  std::string certificate_id_sha256;  ///< "sha256:ab:cd:..."
  std::string pem;
};

struct TlsInfo {
  std::string version;  ///< "TLS 1.3"
  std::string cipher;   ///< GnuTLS' description: "(TLS1.3)-(ECDHE-...)-..."
  bool resumed = false;
  CertificateInfo certificate;         ///< the server's own
  std::vector<CertificateInfo> chain;  ///< as shown by the server, its own first
  /// What speaks against the server, in words, also when its key is accepted; empty: nothing does.
  std::vector<std::string> faults;
  /// The same as the keywords of :warnings in Emacs' `gnutls-peer-status`, without the colon:
  /// "expired", "unknown-ca", "no-host-match"...  Empty exactly when `faults` is.
  std::vector<std::string> warnings;

  // GnuTLS' names, as `gnutls-peer-status` has them.  Up to TLS 1.2, of a server that was refused
  // with a `client_key` set, `cipher_name` and `mac` are "": it ended before they were in use.
  std::string protocol;      ///< "TLS1.3"
  std::string key_exchange;  ///< "ECDHE-RSA"
  std::string cipher_name;   ///< "AES-256-GCM"
  std::string mac;           ///< "AEAD"
  std::string hash;          ///< of the key derivation: "SHA384"
  bool safe_renegotiation = false;
  bool extended_master_secret = false;
  bool encrypt_then_mac = false;
  int prime_bits = 0;  ///< of Diffie-Hellman over a finite field; 0: that was not used
};

/// What ties a sign-in to this very session.
struct ChannelBinding {
  std::string type;  ///< "tls-exporter" (RFC 9266, TLS 1.3) or "tls-unique" (RFC 5929, TLS 1.2)
  Secret data;
};

}  // namespace sendonce::net
