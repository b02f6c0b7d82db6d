// See tls_verify.hh.

#include "net/tls_verify.hh"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "net/tls_names.hh"
#include "net/tls_staple.hh"

namespace sendonce::net {

namespace {

using Faults = std::vector<std::string>;

struct Meaning {
  unsigned int flag;
  std::string_view words;
};

// What needs no names or dates to be told.  The others have functions below.
constexpr std::array meanings{
    Meaning{GNUTLS_CERT_REVOKED, "its authority has revoked it"},
    Meaning{GNUTLS_CERT_SIGNER_NOT_CA, "it is signed by a certificate that may not sign others"},
    Meaning{GNUTLS_CERT_SIGNATURE_FAILURE, "its signature is wrong"},
    Meaning{GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED, "the proof that it is not revoked is too old"},
    Meaning{GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE,
            "the proof that it is not revoked is dated in the future"},
    Meaning{GNUTLS_CERT_UNEXPECTED_OWNER, "its owner is not the one expected"},
    Meaning{GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE,
            "an authority above it was not allowed to sign it (names or length of the chain)"},
    Meaning{GNUTLS_CERT_MISMATCH, "it is not the one expected"},
    Meaning{GNUTLS_CERT_PURPOSE_MISMATCH, "it is not meant for servers"},
    Meaning{GNUTLS_CERT_MISSING_OCSP_STATUS,
            "it demands a proof that it is not revoked, and the server gave none"},
    Meaning{GNUTLS_CERT_INVALID_OCSP_STATUS, "the proof that it is not revoked is invalid"},
    Meaning{GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS,
            "it has a critical extension that is not understood"},
};

// What Emacs' src/gnutls.c makes of the same flags, in the order in which its list comes out.
constexpr std::array keywords{
    Meaning{GNUTLS_CERT_INVALID_OCSP_STATUS, "invalid-ocsp-status"},
    Meaning{GNUTLS_CERT_MISSING_OCSP_STATUS, "missing-ocsp-status"},
    Meaning{GNUTLS_CERT_PURPOSE_MISMATCH, "purpose-mismatch"},
    Meaning{GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, "signer-constraints-failure"},
    Meaning{GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE, "revocation-data-issued-in-future"},
    Meaning{GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED, "revocation-data-superseded"},
    Meaning{GNUTLS_CERT_SIGNATURE_FAILURE, "signature-failure"},
    Meaning{GNUTLS_CERT_EXPIRED, "expired"},
    Meaning{GNUTLS_CERT_NOT_ACTIVATED, "not-activated"},
    Meaning{GNUTLS_CERT_INSECURE_ALGORITHM, "insecure"},
    Meaning{GNUTLS_CERT_SIGNER_NOT_CA, "not-ca"},
    Meaning{GNUTLS_CERT_SIGNER_NOT_FOUND, "unknown-ca"},
    Meaning{GNUTLS_CERT_REVOKED, "revoked"},
    Meaning{GNUTLS_CERT_INVALID, "invalid"},
};

// ---- the certificates that count

using Path = std::vector<gnutls_x509_crt_t>;  // of a chain, which owns them

bool issued(gnutls_x509_crt_t issuer, gnutls_x509_crt_t certificate) {
  return gnutls_x509_crt_check_issuer(certificate, issuer) != 0;
}

// From the server's own upwards: the others of the chain prove nothing, and so spoil nothing.
// RFC 8446 section 4.4.2: a client should bear with others, and with any order.
Path path_of(const std::vector<Certificate>& chain) {
  Path path{chain.front().get()};
  while (path.size() < chain.size() && !issued(path.back(), path.back())) {
    const auto above = std::find_if(chain.begin(), chain.end(), [&path](const Certificate& c) {
      return issued(c.get(), path.back());
    });
    if (above == chain.end()) break;
    path.push_back(above->get());
  }
  return path;
}

std::string whose(const Path& path, std::size_t index) {
  if (index == 0) return "it";
  return "a certificate above it (" + subject_of(path[index]) + ")";
}

std::string possessive(const Path& path, std::size_t index) {
  return index == 0 ? "its key" : "the key of " + whose(path, index);
}

// ---- faults

std::string issuer_fault(const Path& path, int authorities) {
  if (authorities == 0)
    return "this machine has no trusted authorities to check it with (install ca-certificates)";
  if (issued(path.front(), path.front()))
    return "it is self-signed (" + subject_of(path.front()) + ") and not among the trusted ones";
  return "its authority is not trusted (" + issuer_of(path.back()) + ")";
}

// GnuTLS looks at the dates of the trusted root, too, which the server need not show.
void add_root_date_fault(Faults& faults, unsigned int status) {
  if ((status & GNUTLS_CERT_EXPIRED) != 0)
    faults.emplace_back("the trusted root of it has expired");
  if ((status & GNUTLS_CERT_NOT_ACTIVATED) != 0)
    faults.emplace_back("the trusted root of it is not yet valid");
}

void add_date_faults(Faults& faults, const Path& path) {
  const std::time_t now = std::time(nullptr);
  for (std::size_t i = 0; i < path.size(); ++i) {
    const std::time_t until = gnutls_x509_crt_get_expiration_time(path[i]);
    const std::time_t from = gnutls_x509_crt_get_activation_time(path[i]);
    if (until < now) faults.push_back(whose(path, i) + " expired on " + date_text(until));
    if (from > now) faults.push_back(whose(path, i) + " is valid only from " + date_text(from));
  }
}

// 112 bits of security (NIST SP 800-57: until 2030), as OpenSSL's level 2 and the CA/Browser Forum
// demand: RSA of 2048 bits.  GnuTLS' own default would let 1024 pass.
bool is_weak(gnutls_pk_algorithm_t algorithm, unsigned int bits) {
  return bits < gnutls_sec_param_to_pk_bits(algorithm, GNUTLS_SEC_PARAM_MEDIUM);
}

// A trusted root is trusted for what it is, not for who signed it: it is left out.
void add_key_faults(Faults& faults, const Path& path) {
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (i > 0 && issued(path[i], path[i])) return;
    unsigned int bits = 0;
    const int code = gnutls_x509_crt_get_pk_algorithm(path[i], &bits);
    const auto algorithm = static_cast<gnutls_pk_algorithm_t>(code);
    if (code < 0 || !is_weak(algorithm, bits)) continue;
    faults.push_back(possessive(path, i) + " is too weak (" +
                     gnutls_pk_algorithm_get_name(algorithm) + ", " + std::to_string(bits) +
                     " bits)");
  }
}

// Why GnuTLS said "insecure": a signature algorithm, else a key that it finds weak and we do not.
void add_signature_faults(Faults& faults, const Path& path) {
  const std::size_t before = faults.size();
  for (std::size_t i = 0; i < path.size(); ++i) {
    const int code = gnutls_x509_crt_get_signature_algorithm(path[i]);
    const auto algorithm = static_cast<gnutls_sign_algorithm_t>(code);
    const char* const name = code < 0 ? nullptr : gnutls_sign_get_name(algorithm);
    if (name != nullptr &&
        gnutls_sign_is_secure2(algorithm, GNUTLS_SIGN_FLAG_SECURE_FOR_CERTS) != 0)
      continue;
    if (i > 0 && issued(path[i], path[i])) continue;
    faults.push_back(whose(path, i) + " is signed with an algorithm that is not secure (" +
                     (name == nullptr ? "unknown" : name) + ")");
  }
  if (faults.size() == before)
    faults.emplace_back("it or one above it is signed with an algorithm or key that is not secure");
}

void add_chain_faults(Faults& faults, unsigned int status, const Path& path, int authorities) {
  if ((status & GNUTLS_CERT_SIGNER_NOT_FOUND) != 0)
    faults.push_back(issuer_fault(path, authorities));
  // GnuTLS stops at an unknown authority; what the dates say is of use all the same.
  const std::size_t before = faults.size();
  add_date_faults(faults, path);
  if (faults.size() == before) add_root_date_fault(faults, status);
  for (const Meaning& meaning : meanings)
    if ((status & meaning.flag) != 0) faults.emplace_back(meaning.words);
}

std::string name_fault(const Certificate& certificate, const std::string& host) {
  constexpr std::size_t enough = 5;
  const CertificateInfo info = describe_certificate(certificate);
  if (info.names.empty()) return "it names no host (its subject is " + info.subject + ")";
  std::string names;
  for (std::size_t i = 0; i < std::min(info.names.size(), enough); ++i)
    names += (i == 0 ? "" : ", ") + info.names[i];
  if (info.names.size() > enough)
    names += " and " + std::to_string(info.names.size() - enough) + " more";
  return "it is for " + names + ", not for " + shown(host);
}

// 0 if the chain is good; `failed` set when GnuTLS could not even check it.
unsigned int chain_status(gnutls_session_t session, int& failed) {
  std::string purpose = GNUTLS_KP_TLS_WWW_SERVER;
  gnutls_typed_vdata_st data{};
  data.type = GNUTLS_DT_KEY_PURPOSE_OID;
  data.data = reinterpret_cast<unsigned char*>(purpose.data());
  unsigned int status = 0;
  failed = gnutls_certificate_verify_peers(session, &data, 1, &status);
  return status | staple_flags(session);
}

Faults faults_of(unsigned int status, const std::vector<Certificate>& chain,
                 const std::string& host, int authorities) {
  Faults faults;
  const Path path = path_of(chain);
  if (status != 0) add_chain_faults(faults, status, path, authorities);
  const std::size_t before = faults.size();
  add_key_faults(faults, path);
  const bool weak_keys = faults.size() > before;
  if ((status & GNUTLS_CERT_INSECURE_ALGORITHM) != 0 && !weak_keys)
    add_signature_faults(faults, path);
  if (status != 0 && faults.empty()) faults.emplace_back("its chain cannot be verified");
  if (!proves_host(chain.front(), host)) faults.push_back(name_fault(chain.front(), host));
  return faults;
}

// Emacs' words, and "invalid" for a fault that Emacs has no word for: what is refused here must not
// look faultless there.
std::vector<std::string> warnings_of(unsigned int status, const Certificate& certificate,
                                     const std::string& host) {
  std::vector<std::string> warnings;
  if (issued(certificate.get(), certificate.get())) warnings.emplace_back("self-signed");
  if (!proves_host(certificate, host)) warnings.emplace_back("no-host-match");
  for (const Meaning& keyword : keywords)
    if ((status & keyword.flag) != 0) warnings.emplace_back(keyword.words);
  if (warnings.empty()) warnings.emplace_back("invalid");
  return warnings;
}

}  // namespace

Findings certificate_findings(gnutls_session_t session, const std::vector<Certificate>& chain,
                              const std::string& host, int authorities) {
  if (chain.empty()) return {{"the server showed none that can be read"}, {"invalid"}};
  int failed = 0;
  const unsigned int status = chain_status(session, failed);
  if (failed < 0) return {{"it cannot be checked: " + gnutls_words(failed)}, {"invalid"}};
  Findings findings{faults_of(status, chain, host, authorities), {}};
  if (!findings.faults.empty()) findings.warnings = warnings_of(status, chain.front(), host);
  return findings;
}

}  // namespace sendonce::net
