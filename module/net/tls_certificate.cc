// See tls_certificate.hh.

#include "net/tls_certificate.hh"

#include <algorithm>
#include <array>
#include <chrono>
#include <span>
#include <string_view>

#include "base/text.hh"
#include "net/address.hh"

namespace sendonce::net {

namespace {

constexpr std::size_t shown_limit = 200;

std::string name_text(const AlternativeName& name) {
  if (name.type == GNUTLS_SAN_IPADDRESS)
    return address_text({name.bytes.begin(), name.bytes.end()});
  const bool is_text = name.type == GNUTLS_SAN_DNSNAME || name.type == GNUTLS_SAN_URI ||
                       name.type == GNUTLS_SAN_RFC822NAME;
  return is_text ? shown(name.bytes) : std::string();
}

std::string distinguished_name(gnutls_x509_crt_t certificate,
                               int (*get)(gnutls_x509_crt_t, gnutls_datum_t*, unsigned)) {
  Datum name;
  if (get(certificate, name.out(), 0) < 0) return {};
  return shown(std::string(name.view()));
}

// PREFIX and the BYTES in hex, BETWEEN them: Emacs writes colons, we write nothing.
std::string hex(std::string_view prefix, std::span<const unsigned char> bytes,
                std::string_view between) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text(prefix);
  for (const unsigned char byte : bytes) {
    if (text.size() > prefix.size()) text += between;
    text += digits[byte >> 4U];
    text += digits[byte & 15U];
  }
  return text;
}

struct Digest {
  std::array<unsigned char, 64> bytes{};
  std::size_t size = 0;
  [[nodiscard]] std::string text(std::string_view prefix, std::string_view between) const {
    return size == 0 ? std::string() : hex(prefix, std::span(bytes).first(size), between);
  }
};

Digest certificate_digest(const Certificate& certificate, gnutls_digest_algorithm_t algorithm) {
  Digest digest{.size = 64};
  if (gnutls_x509_crt_get_fingerprint(certificate.get(), algorithm, digest.bytes.data(),
                                      &digest.size) < 0)
    return {};
  return digest;
}

Digest key_digest(const Certificate& certificate, gnutls_keyid_flags_t algorithm) {
  Digest digest{.size = 64};
  if (gnutls_x509_crt_get_key_id(certificate.get(), algorithm, digest.bytes.data(), &digest.size) <
      0)
    return {};
  return digest;
}

std::string text_of(const char* name) { return name == nullptr ? std::string() : name; }

std::string serial_text(const Certificate& certificate) {
  Digest serial{.size = 64};  // RFC 5280 section 4.1.2.2: 20 bytes at most
  if (gnutls_x509_crt_get_serial(certificate.get(), serial.bytes.data(), &serial.size) < 0)
    return {};
  return serial.text("", ":");
}

std::string pem_text(const Certificate& certificate) {
  Datum text;
  if (gnutls_x509_crt_export2(certificate.get(), GNUTLS_X509_FMT_PEM, text.out()) < 0) return {};
  return std::string(text.view());
}

void add_algorithms(CertificateInfo& info, const Certificate& certificate) {
  unsigned int bits = 0;
  const int key = gnutls_x509_crt_get_pk_algorithm(certificate.get(), &bits);
  if (key >= 0) {
    const auto algorithm = static_cast<gnutls_pk_algorithm_t>(key);
    info.public_key_algorithm = text_of(gnutls_pk_algorithm_get_name(algorithm));
    info.security_level =
        text_of(gnutls_sec_param_get_name(gnutls_pk_bits_to_sec_param(algorithm, bits)));
  }
  const int signature = gnutls_x509_crt_get_signature_algorithm(certificate.get());
  if (signature >= 0)
    info.signature_algorithm =
        text_of(gnutls_sign_get_name(static_cast<gnutls_sign_algorithm_t>(signature)));
}

void add_digests(CertificateInfo& info, const Certificate& certificate) {
  const Digest whole = certificate_digest(certificate, GNUTLS_DIG_SHA256);
  info.fingerprint = whole.text("sha256:", "");
  info.certificate_id_sha256 = whole.text("sha256:", ":");
  info.certificate_id_sha1 = certificate_digest(certificate, GNUTLS_DIG_SHA1).text("sha1:", ":");
  const Digest key = key_digest(certificate, GNUTLS_KEYID_USE_SHA256);
  info.key_pin = key.text("sha256:", "");
  info.key_id_sha256 = key.text("sha256:", ":");
  info.key_id_sha1 = key_digest(certificate, GNUTLS_KEYID_USE_SHA1).text("sha1:", ":");
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

std::string subject_of(gnutls_x509_crt_t certificate) {
  return distinguished_name(certificate, gnutls_x509_crt_get_dn3);
}

std::string issuer_of(gnutls_x509_crt_t certificate) {
  return distinguished_name(certificate, gnutls_x509_crt_get_issuer_dn3);
}

CertificateInfo describe_certificate(const Certificate& certificate) {
  CertificateInfo info;
  info.subject = subject_of(certificate.get());
  info.issuer = issuer_of(certificate.get());
  for (const AlternativeName& name : alternative_names(certificate))
    if (std::string text = name_text(name); !text.empty()) info.names.push_back(std::move(text));
  info.not_before = gnutls_x509_crt_get_activation_time(certificate.get());
  info.not_after = gnutls_x509_crt_get_expiration_time(certificate.get());
  const int version = gnutls_x509_crt_get_version(certificate.get());
  if (version > 0) info.version = std::to_string(version);
  info.serial = serial_text(certificate);
  info.pem = pem_text(certificate);
  add_algorithms(info, certificate);
  add_digests(info, certificate);
  return info;
}

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
