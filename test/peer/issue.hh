// Certificates to order, right or wrong, and OCSP responses about them.  Runs in one thread; throws
// std::runtime_error when GnuTLS will not make what is wished for.

#pragma once

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <ctime>
#include <memory>
#include <string>
#include <vector>

namespace peer {

enum class KeyKind { ecdsa, ecdsa_384, ed25519, rsa_2048, rsa_1024 };
enum class Authority { unsaid, no, yes };  // basicConstraints: left out, CA:FALSE, CA:TRUE

struct Wish {
  std::string subject = "a server";
  std::vector<std::string> names;      // dNSName, octets as they are
  std::vector<std::string> addresses;  // iPAddress, as text
  long from_days = -1;                 // from now
  long until_days = 30;
  KeyKind key = KeyKind::ecdsa;
  gnutls_digest_algorithm_t digest = GNUTLS_DIG_SHA256;
  Authority authority = Authority::no;
  int path_length = -1;  // none
  unsigned usage = GNUTLS_KEY_DIGITAL_SIGNATURE;
  std::vector<std::string> purposes = {GNUTLS_KP_TLS_WWW_SERVER};
  std::vector<std::string> permitted;  // name constraints, dNSName
  bool must_staple = false;            // RFC 7633
  std::string critical_oid;            // of an extension that nobody knows
};

struct FreeCrt {
  void operator()(gnutls_x509_crt_t crt) const noexcept { gnutls_x509_crt_deinit(crt); }
};
struct FreeKey {
  void operator()(gnutls_x509_privkey_t key) const noexcept { gnutls_x509_privkey_deinit(key); }
};

struct Issued {
  std::unique_ptr<gnutls_x509_crt_int, FreeCrt> crt;
  std::unique_ptr<gnutls_x509_privkey_int, FreeKey> key;

  std::string certificate_pem() const;
  std::string key_pem() const;
};

// ISSUER nullptr: self-signed.
Issued issue(const Wish& wish, const Issued* issuer);

// The wish for an authority; PATH_LENGTH -1: none.
Wish authority_wish(const std::string& subject, int path_length = -1);

enum class OcspStatus { good, revoked, unknown };

struct OcspWish {
  OcspStatus status = OcspStatus::good;
  long from_hours = -1;  // from now
  long until_hours = 24;
};

// What ISSUER's responder says of CERTIFICATE, signed by SIGNER (ECDSA P-256), as DER.
std::string ocsp_response(const OcspWish& wish, const Issued& certificate, const Issued& issuer,
                          const Issued& signer);

}  // namespace peer
