#include "issue.hh"

#include <arpa/inet.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509-ext.h>

#include <array>
#include <stdexcept>
#include <string_view>

#include "der.hh"

namespace peer {
namespace {

void check(int code, const char* what) {
  if (code < 0) throw std::runtime_error(std::string(what) + ": " + gnutls_strerror(code));
}

std::string text_of(gnutls_datum_t datum) {
  std::string text(reinterpret_cast<const char*>(datum.data), datum.size);
  gnutls_free(datum.data);
  return text;
}

// ---- keys

struct KeyShape {
  gnutls_pk_algorithm_t algorithm;
  unsigned bits;
};

KeyShape shape_of(KeyKind kind) {
  switch (kind) {
    case KeyKind::ecdsa:
      return {GNUTLS_PK_ECDSA, unsigned(GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1))};
    case KeyKind::ecdsa_384:
      return {GNUTLS_PK_ECDSA, unsigned(GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1))};
    case KeyKind::ed25519:
      return {GNUTLS_PK_EDDSA_ED25519, unsigned(GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_ED25519))};
    case KeyKind::rsa_2048:
      return {GNUTLS_PK_RSA, 2048};
    case KeyKind::rsa_1024:
      return {GNUTLS_PK_RSA, 1024};
  }
  throw std::logic_error("key kind");
}

void generate(Issued& issued, KeyKind kind) {
  gnutls_x509_privkey_t key = nullptr;
  check(gnutls_x509_privkey_init(&key), "key");
  issued.key.reset(key);
  const auto [algorithm, bits] = shape_of(kind);
  check(gnutls_x509_privkey_generate(key, algorithm, bits, 0), "generate");
}

// ---- extensions

void set_extension(gnutls_x509_crt_t crt, const char* oid, const std::string& value,
                   bool critical) {
  check(
      gnutls_x509_crt_set_extension_by_oid(crt, oid, value.data(), value.size(), critical ? 1 : 0),
      oid);
}

std::string address_octets(const std::string& text) {
  std::string octets(16, '\0');
  if (::inet_pton(AF_INET6, text.c_str(), octets.data()) == 1) return octets;
  octets.resize(4);
  if (::inet_pton(AF_INET, text.c_str(), octets.data()) == 1) return octets;
  throw std::runtime_error("no address: " + text);
}

// RFC 5280 section 4.2.1.6, by hand: GnuTLS would mend or refuse names that are wrong on purpose.
void set_names(gnutls_x509_crt_t crt, const Wish& wish) {
  std::string names;
  for (const std::string& name : wish.names) names += der(der_primitive + 2, name);
  for (const std::string& address : wish.addresses)
    names += der(der_primitive + 7, address_octets(address));
  if (!names.empty()) set_extension(crt, GNUTLS_X509EXT_OID_SAN, der(0x30, names), false);
}

void set_constraints(gnutls_x509_crt_t crt, const std::vector<std::string>& permitted) {
  if (permitted.empty()) return;
  gnutls_x509_name_constraints_t constraints = nullptr;
  check(gnutls_x509_name_constraints_init(&constraints), "name constraints");
  for (std::string name : permitted) {
    const gnutls_datum_t datum{reinterpret_cast<unsigned char*>(name.data()),
                               unsigned(name.size())};
    check(gnutls_x509_name_constraints_add_permitted(constraints, GNUTLS_SAN_DNSNAME, &datum),
          "name constraints");
  }
  check(gnutls_x509_crt_set_name_constraints(crt, constraints, 1), "name constraints");
  gnutls_x509_name_constraints_deinit(constraints);
}

// RFC 7633: the TLS feature 5, status_request.
void demand_staple(gnutls_x509_crt_t crt) {
  const char five = 5;
  set_extension(crt, GNUTLS_X509EXT_OID_TLSFEATURES, der_sequence({der(der_integer, {&five, 1})}),
                false);
}

void set_uses(gnutls_x509_crt_t crt, const Wish& wish) {
  if (wish.authority != Authority::unsaid)
    check(gnutls_x509_crt_set_basic_constraints(crt, wish.authority == Authority::yes ? 1 : 0,
                                                wish.path_length),
          "basic constraints");
  if (wish.usage != 0) check(gnutls_x509_crt_set_key_usage(crt, wish.usage), "key usage");
  for (const std::string& purpose : wish.purposes)
    check(gnutls_x509_crt_set_key_purpose_oid(crt, purpose.c_str(), 0), "key purpose");
}

// ---- the rest of a certificate

void set_serial(gnutls_x509_crt_t crt) {
  std::array<unsigned char, 16> serial{};
  check(gnutls_rnd(GNUTLS_RND_NONCE, serial.data(), serial.size()), "random");
  serial[0] = static_cast<unsigned char>((serial[0] & 0x3fU) | 0x40U);  // positive, no leading zero
  check(gnutls_x509_crt_set_serial(crt, serial.data(), serial.size()), "serial");
}

void set_dates(gnutls_x509_crt_t crt, const Wish& wish) {
  constexpr long day = 86400;
  const std::time_t now = std::time(nullptr);
  check(gnutls_x509_crt_set_activation_time(crt, now + wish.from_days * day), "from");
  check(gnutls_x509_crt_set_expiration_time(crt, now + wish.until_days * day), "until");
}

void fill_in(gnutls_x509_crt_t crt, const Wish& wish) {
  check(gnutls_x509_crt_set_version(crt, 3), "version");
  check(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, wish.subject.data(),
                                      unsigned(wish.subject.size())),
        "subject");
  set_serial(crt);
  set_dates(crt, wish);
  set_uses(crt, wish);
  set_names(crt, wish);
  set_constraints(crt, wish.permitted);
  if (wish.must_staple) demand_staple(crt);
  if (!wish.critical_oid.empty())
    set_extension(crt, wish.critical_oid.c_str(), der(der_octet_string, "?"), true);
}

// ---- OCSP, RFC 6960 section 4.2.1

std::string sha1(std::string_view bytes) {
  std::array<char, 20> digest{};
  check(gnutls_hash_fast(GNUTLS_DIG_SHA1, bytes.data(), bytes.size(), digest.data()), "SHA-1");
  return {digest.data(), digest.size()};
}

std::string raw_name(const Issued& issued) {
  gnutls_datum_t name{};
  check(gnutls_x509_crt_get_raw_dn(issued.crt.get(), &name), "name");
  return text_of(name);
}

// The contents of the key's BIT STRING: an uncompressed point of P-256.
std::string raw_point(const Issued& issued) {
  gnutls_datum_t x{};
  gnutls_datum_t y{};
  gnutls_datum_t k{};
  gnutls_ecc_curve_t curve{};
  check(gnutls_x509_privkey_export_ecc_raw(issued.key.get(), &curve, &x, &y, &k), "point");
  static_cast<void>(text_of(k));
  const auto last_32 = [](const std::string& number) {
    return (std::string(32, '\0') + number).substr(number.size());
  };
  return "\x04" + last_32(text_of(x)) + last_32(text_of(y));
}

std::string serial_of(const Issued& issued) {
  std::array<char, 64> serial{};
  std::size_t size = serial.size();
  check(gnutls_x509_crt_get_serial(issued.crt.get(), serial.data(), &size), "serial");
  return {serial.data(), size};
}

std::string certificate_id(const Issued& certificate, const Issued& issuer) {
  const std::string null("\x05\x00", 2);
  return der_sequence({der_sequence({der_oid("1.3.14.3.2.26"), null}),
                       der(der_octet_string, sha1(raw_name(issuer))),
                       der(der_octet_string, sha1(raw_point(issuer))),
                       der(der_integer, serial_of(certificate))});
}

std::string status_text(OcspStatus status, std::time_t when) {
  switch (status) {
    case OcspStatus::good:
      return der(der_primitive, "");
    case OcspStatus::revoked:
      return der(der_explicit + 1, der_time(when));
    case OcspStatus::unknown:
      break;
  }
  return der(der_primitive + 2, "");
}

std::string signature(std::string bytes, const Issued& signer) {
  gnutls_privkey_t key = nullptr;
  check(gnutls_privkey_init(&key), "key");
  const gnutls_datum_t data{reinterpret_cast<unsigned char*>(bytes.data()), unsigned(bytes.size())};
  gnutls_datum_t signed_data{};
  int code = gnutls_privkey_import_x509(key, signer.key.get(), 0);
  if (code >= 0) code = gnutls_privkey_sign_data(key, GNUTLS_DIG_SHA256, 0, &data, &signed_data);
  gnutls_privkey_deinit(key);
  check(code, "OCSP signature");
  return text_of(signed_data);
}

}  // namespace

std::string Issued::certificate_pem() const {
  gnutls_datum_t out{};
  check(gnutls_x509_crt_export2(crt.get(), GNUTLS_X509_FMT_PEM, &out), "export");
  return text_of(out);
}

std::string Issued::key_pem() const {
  gnutls_datum_t out{};
  check(gnutls_x509_privkey_export2_pkcs8(key.get(), GNUTLS_X509_FMT_PEM, nullptr,
                                          GNUTLS_PKCS_PLAIN, &out),
        "export");
  return text_of(out);
}

Wish authority_wish(const std::string& subject, int path_length) {
  Wish wish;
  wish.subject = subject;
  wish.authority = Authority::yes;
  wish.path_length = path_length;
  wish.usage = GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN | GNUTLS_KEY_DIGITAL_SIGNATURE;
  wish.purposes = {};
  return wish;
}

Issued issue(const Wish& wish, const Issued* issuer) {
  Issued made;
  generate(made, wish.key);
  gnutls_x509_crt_t crt = nullptr;
  check(gnutls_x509_crt_init(&crt), "certificate");
  made.crt.reset(crt);
  fill_in(crt, wish);
  check(gnutls_x509_crt_set_key(crt, made.key.get()), "key");
  const Issued& signer = issuer == nullptr ? made : *issuer;
  check(gnutls_x509_crt_sign2(crt, signer.crt.get(), signer.key.get(), wish.digest, 0), "sign");
  return made;
}

std::string ocsp_response(const OcspWish& wish, const Issued& certificate, const Issued& issuer,
                          const Issued& signer) {
  constexpr long hour = 3600;
  const std::time_t from = std::time(nullptr) + wish.from_hours * hour;
  const std::time_t until = std::time(nullptr) + wish.until_hours * hour;
  const std::string single =
      der_sequence({certificate_id(certificate, issuer), status_text(wish.status, from),
                    der_time(from), der(der_explicit, der_time(until))});
  const std::string data = der_sequence(
      {der(der_explicit + 1, raw_name(signer)), der_time(from), der_sequence({single})});
  const std::string ecdsa_sha256 = der_sequence({der_oid("1.2.840.10045.4.3.2")});
  const std::string basic = der_sequence(
      {data, ecdsa_sha256, der(der_bit_string, std::string(1, '\0') + signature(data, signer))});
  const std::string successful(1, '\0');
  return der_sequence({der(der_enumerated, successful),
                       der(der_explicit, der_sequence({der_oid("1.3.6.1.5.5.7.48.1.1"),
                                                       der(der_octet_string, basic)}))});
}

}  // namespace peer
