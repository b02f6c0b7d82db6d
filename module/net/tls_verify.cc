// See tls_verify.hh.

#include "net/tls_verify.hh"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "net/address.hh"

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
    Meaning{GNUTLS_CERT_INSECURE_ALGORITHM, "it is signed with an algorithm that is not secure"},
    Meaning{GNUTLS_CERT_SIGNATURE_FAILURE, "its signature is wrong"},
    Meaning{GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED, "what is known of its revocation is too old"},
    Meaning{GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE,
            "what is known of its revocation is dated in the future"},
    Meaning{GNUTLS_CERT_UNEXPECTED_OWNER, "its owner is not the one expected"},
    Meaning{GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE,
            "its authority is not allowed to sign for such names"},
    Meaning{GNUTLS_CERT_MISMATCH, "it is not the one expected"},
    Meaning{GNUTLS_CERT_PURPOSE_MISMATCH, "it is not meant for servers"},
    Meaning{GNUTLS_CERT_MISSING_OCSP_STATUS,
            "it demands a proof that it is not revoked, and the server gave none"},
    Meaning{GNUTLS_CERT_INVALID_OCSP_STATUS, "the proof that it is not revoked is invalid"},
    Meaning{GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS,
            "it has a critical extension that is not understood"},
};

std::string issuer_fault(const std::vector<Certificate>& chain, int authorities) {
  if (authorities == 0) return "this machine has no trusted authorities to check it with";
  const CertificateInfo first = describe_certificate(chain.front());
  if (first.subject == first.issuer)
    return "it is self-signed (" + first.subject + ") and not among the trusted ones";
  const CertificateInfo last = describe_certificate(chain.back());
  return "its authority is not trusted (" + last.issuer + ")";
}

std::string whose(std::size_t index, const CertificateInfo& info) {
  return index == 0 ? "it" : "a certificate above it (" + info.subject + ")";
}

Faults date_faults(const std::vector<Certificate>& chain) {
  Faults faults;
  const std::time_t now = std::time(nullptr);
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const CertificateInfo info = describe_certificate(chain[i]);
    if (info.not_after < now)
      faults.push_back(whose(i, info) + " expired on " + date_text(info.not_after));
    if (info.not_before > now)
      faults.push_back(whose(i, info) + " is valid only from " + date_text(info.not_before));
  }
  return faults;
}

Faults chain_faults(unsigned int status, const std::vector<Certificate>& chain, int authorities) {
  Faults faults;
  if ((status & GNUTLS_CERT_SIGNER_NOT_FOUND) != 0)
    faults.push_back(issuer_fault(chain, authorities));
  // GnuTLS stops at an unknown authority; what the dates say is of use all the same.
  for (std::string& fault : date_faults(chain)) faults.push_back(std::move(fault));
  for (const Meaning& meaning : meanings)
    if ((status & meaning.flag) != 0) faults.emplace_back(meaning.words);
  if (faults.empty()) faults.emplace_back("its chain cannot be verified");
  return faults;
}

bool proves_address(const Certificate& certificate, const std::vector<unsigned char>& address) {
  return gnutls_x509_crt_check_ip(certificate.get(), address.data(),
                                  static_cast<unsigned>(address.size()), 0) != 0;
}

// GnuTLS falls back to the common name when there is no DNS name; RFC 9525 section 1.4 rules it
// out.
bool proves_name(const Certificate& certificate, const std::string& host) {
  return !dns_names(certificate).empty() &&
         gnutls_x509_crt_check_hostname2(certificate.get(), host.c_str(),
                                         GNUTLS_VERIFY_DO_NOT_ALLOW_IP_MATCHES) != 0;
}

bool proves_host(const Certificate& certificate, const std::string& host) {
  const std::vector<unsigned char> address = address_bytes(host);
  return address.empty() ? proves_name(certificate, host) : proves_address(certificate, address);
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
  return status;
}

}  // namespace

std::vector<std::string> certificate_faults(gnutls_session_t session,
                                            const std::vector<Certificate>& chain,
                                            const std::string& host, int authorities) {
  if (chain.empty()) return {"the server showed none that can be read"};
  int failed = 0;
  const unsigned int status = chain_status(session, failed);
  if (failed < 0) return {"it cannot be checked: " + gnutls_words(failed)};
  Faults faults;
  if (status != 0) faults = chain_faults(status, chain, authorities);
  const std::string bare = bare_host(host);
  if (!proves_host(chain.front(), bare)) faults.push_back(name_fault(chain.front(), bare));
  return faults;
}

}  // namespace sendonce::net
