// See tls_certificate.hh.

#include "net/tls_certificate.hh"

#include <algorithm>
#include <array>
#include <chrono>

#include "base/text.hh"
#include "net/address.hh"

namespace sendonce::net {

namespace {

constexpr std::size_t shown_limit = 200;

struct AlternativeName {
  unsigned int type = 0;
  std::string bytes;
};

std::vector<AlternativeName> alternative_names(const Certificate& certificate) {
  std::vector<AlternativeName> names;
  for (unsigned int index = 0;; ++index) {
    std::array<char, 1024> bytes{};
    std::size_t size = bytes.size();
    unsigned int type = 0;
    const int code = gnutls_x509_crt_get_subject_alt_name2(certificate.get(), index, bytes.data(),
                                                           &size, &type, nullptr);
    // A name too long for any host is passed over.
    if (code == GNUTLS_E_SHORT_MEMORY_BUFFER) continue;
    if (code < 0) return names;
    names.push_back({type, std::string(bytes.data(), size)});
  }
}

std::string name_text(const AlternativeName& name) {
  if (name.type == GNUTLS_SAN_IPADDRESS)
    return address_text({name.bytes.begin(), name.bytes.end()});
  const bool is_text = name.type == GNUTLS_SAN_DNSNAME || name.type == GNUTLS_SAN_URI ||
                       name.type == GNUTLS_SAN_RFC822NAME;
  return is_text ? shown(name.bytes) : std::string();
}

std::string distinguished_name(const Certificate& certificate,
                               int (*get)(gnutls_x509_crt_t, gnutls_datum_t*, unsigned)) {
  Datum name;
  if (get(certificate.get(), name.out(), 0) < 0) return {};
  return shown(std::string(name.view()));
}

std::string fingerprint(const Certificate& certificate) {
  std::array<unsigned char, 32> digest{};
  std::size_t size = digest.size();
  if (gnutls_x509_crt_get_fingerprint(certificate.get(), GNUTLS_DIG_SHA256, digest.data(), &size) <
      0)
    return {};
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text = "sha256:";
  for (const unsigned char byte : digest) {
    text += digits[byte >> 4U];
    text += digits[byte & 15U];
  }
  return text;
}

std::string padded(unsigned number) {
  const std::string text = std::to_string(number);
  return text.size() < 2 ? "0" + text : text;
}

}  // namespace

std::vector<Certificate> server_chain(gnutls_session_t session) {
  std::vector<Certificate> chain;
  unsigned int count = 0;
  const gnutls_datum_t* const raw = gnutls_certificate_get_peers(session, &count);
  for (unsigned int i = 0; raw != nullptr && i < count; ++i) {
    gnutls_x509_crt_t made = nullptr;
    if (gnutls_x509_crt_init(&made) < 0) return {};
    chain.emplace_back(made);
    if (gnutls_x509_crt_import(made, &raw[i], GNUTLS_X509_FMT_DER) < 0) return {};
  }
  return chain;
}

CertificateInfo describe_certificate(const Certificate& certificate) {
  CertificateInfo info;
  info.subject = distinguished_name(certificate, gnutls_x509_crt_get_dn3);
  info.issuer = distinguished_name(certificate, gnutls_x509_crt_get_issuer_dn3);
  for (const AlternativeName& name : alternative_names(certificate))
    if (std::string text = name_text(name); !text.empty()) info.names.push_back(std::move(text));
  info.not_before = gnutls_x509_crt_get_activation_time(certificate.get());
  info.not_after = gnutls_x509_crt_get_expiration_time(certificate.get());
  info.fingerprint = fingerprint(certificate);
  return info;
}

std::vector<std::string> dns_names(const Certificate& certificate) {
  std::vector<std::string> names;
  for (AlternativeName& name : alternative_names(certificate))
    if (name.type == GNUTLS_SAN_DNSNAME) names.push_back(std::move(name.bytes));
  return names;
}

std::string date_text(std::time_t time) {
  using namespace std::chrono;
  const sys_seconds instant{seconds(time)};
  const sys_days day = floor<days>(instant);
  const year_month_day date(day);
  const hh_mm_ss clock(instant - day);
  return std::to_string(static_cast<int>(date.year())) + "-" +
         padded(static_cast<unsigned>(date.month())) + "-" +
         padded(static_cast<unsigned>(date.day())) + " " +
         padded(static_cast<unsigned>(clock.hours().count())) + ":" +
         padded(static_cast<unsigned>(clock.minutes().count())) + " UTC";
}

std::string shown(const std::string& text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 32 && byte != 127;
  });
  if (plain && text.size() <= shown_limit && is_utf8(text)) return text;
  return printable(text, shown_limit);
}

}  // namespace sendonce::net
