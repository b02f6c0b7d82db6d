#include "certificate.hh"

#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>

#include <array>
#include <ctime>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "fd.hh"

namespace peer {
namespace {

namespace fs = std::filesystem;

constexpr std::time_t day = 86400;

void check(int code) {
  if (code < 0) throw std::runtime_error(std::string("certificate: ") + gnutls_strerror(code));
}

struct Key {
  Key() { check(gnutls_x509_privkey_init(&raw)); }
  ~Key() { gnutls_x509_privkey_deinit(raw); }
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;
  gnutls_x509_privkey_t raw = nullptr;
};

struct Crt {
  Crt() { check(gnutls_x509_crt_init(&raw)); }
  ~Crt() { gnutls_x509_crt_deinit(raw); }
  Crt(const Crt&) = delete;
  Crt& operator=(const Crt&) = delete;
  gnutls_x509_crt_t raw = nullptr;
};

// A certificate and its key, as one PEM file.
struct Identity {
  Crt crt;
  Key key;
};

template <typename Export, typename Object>
std::string pem(Export export_function, Object object) {
  gnutls_datum_t out{nullptr, 0};
  check(export_function(object, GNUTLS_X509_FMT_PEM, &out));
  std::string text(reinterpret_cast<const char*>(out.data), out.size);
  gnutls_free(out.data);
  return text;
}

std::string certificate_pem(const Identity& id) { return pem(gnutls_x509_crt_export2, id.crt.raw); }
std::string key_pem(const Identity& id) { return pem(gnutls_x509_privkey_export2, id.key.raw); }

void save(const fs::path& path, const std::string& text, mode_t mode) {
  const fs::path unfinished = path.string() + ".tmp";
  write_all(open_file(unfinished, O_WRONLY | O_CREAT | O_TRUNC, mode), text);
  fs::rename(unfinished, path);
}

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

gnutls_datum_t datum(std::string& text) {
  return {reinterpret_cast<unsigned char*>(text.data()), unsigned(text.size())};
}

bool load(Identity& id, std::string text) {
  const gnutls_datum_t data = datum(text);
  return gnutls_x509_crt_import(id.crt.raw, &data, GNUTLS_X509_FMT_PEM) == 0 &&
         gnutls_x509_privkey_import(id.key.raw, &data, GNUTLS_X509_FMT_PEM) == 0;
}

void generate_key(Identity& id) {
  check(gnutls_x509_privkey_generate(id.key.raw, GNUTLS_PK_ECDSA,
                                     GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
}

void set_serial(gnutls_x509_crt_t crt) {
  std::array<unsigned char, 16> serial{};
  check(gnutls_rnd(GNUTLS_RND_NONCE, serial.data(), serial.size()));
  serial[0] = static_cast<unsigned char>((serial[0] & 0x3f) | 0x40);  // positive, no leading zero
  check(gnutls_x509_crt_set_serial(crt, serial.data(), serial.size()));
}

void set_key_id(gnutls_x509_crt_t crt) {
  std::array<unsigned char, 64> id{};
  std::size_t size = id.size();
  check(gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA1, id.data(), &size));
  check(gnutls_x509_crt_set_subject_key_id(crt, id.data(), size));
}

// Everything but what tells a CA from a server.
void fill_in(Identity& id, const std::string& name, std::time_t from, std::time_t until) {
  generate_key(id);
  gnutls_x509_crt_t crt = id.crt.raw;
  check(gnutls_x509_crt_set_version(crt, 3));
  check(gnutls_x509_crt_set_key(crt, id.key.raw));
  check(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name.data(),
                                      unsigned(name.size())));
  set_serial(crt);
  set_key_id(crt);
  check(gnutls_x509_crt_set_activation_time(crt, from));
  check(gnutls_x509_crt_set_expiration_time(crt, until));
}

void sign(Identity& id, const Identity& issuer) {
  check(gnutls_x509_crt_sign2(id.crt.raw, issuer.crt.raw, issuer.key.raw, GNUTLS_DIG_SHA256, 0));
}

void make_authority(Identity& id, const std::string& name) {
  const std::time_t now = std::time(nullptr);
  fill_in(id, name, now - day, now + 3650 * day);
  check(gnutls_x509_crt_set_basic_constraints(id.crt.raw, 1, -1));
  check(gnutls_x509_crt_set_key_usage(id.crt.raw, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN));
  sign(id, id);
}

void add_name(gnutls_x509_crt_t crt, gnutls_x509_subject_alt_name_t type, const void* data,
              std::size_t size) {
  check(gnutls_x509_crt_set_subject_alt_name(crt, type, data, unsigned(size), GNUTLS_FSAN_APPEND));
}

bool add_address(gnutls_x509_crt_t crt, const std::string& text) {
  std::array<unsigned char, 16> octets{};
  if (::inet_pton(AF_INET, text.c_str(), octets.data()) == 1) {
    add_name(crt, GNUTLS_SAN_IPADDRESS, octets.data(), 4);
  } else if (::inet_pton(AF_INET6, text.c_str(), octets.data()) == 1) {
    add_name(crt, GNUTLS_SAN_IPADDRESS, octets.data(), 16);
  } else {
    return false;
  }
  return true;
}

void add_names(gnutls_x509_crt_t crt, const Options& options) {
  if (options.cert_fault == CertFault::wrong_host) {
    const std::string wrong = "wrong-host.example";
    return add_name(crt, GNUTLS_SAN_DNSNAME, wrong.data(), wrong.size());
  }
  const std::string& host = options.tls_host;
  if (!add_address(crt, host)) add_name(crt, GNUTLS_SAN_DNSNAME, host.data(), host.size());
  for (const char* address : {"127.0.0.1", "::1"}) {
    if (host != address) add_address(crt, address);
  }
}

void make_server(Identity& id, const Options& options) {
  const std::time_t now = std::time(nullptr);
  std::time_t from = now - day;
  std::time_t until = now + 365 * day;
  if (options.cert_fault == CertFault::expired) from = now - 30 * day, until = now - day;
  if (options.cert_fault == CertFault::not_yet) from = now + 30 * day;
  fill_in(id, "sendonce-peer", from, until);
  add_names(id.crt.raw, options);
  check(gnutls_x509_crt_set_basic_constraints(id.crt.raw, 0, -1));
  check(gnutls_x509_crt_set_key_usage(id.crt.raw, GNUTLS_KEY_DIGITAL_SIGNATURE));
  check(gnutls_x509_crt_set_key_purpose_oid(id.crt.raw, GNUTLS_KP_TLS_WWW_SERVER, 0));
}

void sign_server(Identity& server, const Identity& authority, CertFault fault) {
  if (fault == CertFault::self_signed) return sign(server, server);
  if (fault != CertFault::untrusted) return sign(server, authority);
  Identity stranger;
  make_authority(stranger, "an authority nobody trusts");
  sign(server, stranger);
}

void ready_authority(Identity& authority, const fs::path& dir) {
  const fs::path crt = dir / "ca.pem";
  const fs::path key = dir / "ca-key.pem";
  if (fs::exists(crt) && fs::exists(key) && load(authority, read_text(crt) + read_text(key)))
    return;
  make_authority(authority, "sendonce-peer test authority");
  fs::remove(dir / "server.pem");  // signed by another, if there is one
  save(key, key_pem(authority), 0600);
  save(crt, certificate_pem(authority), 0644);
}

fs::path server_file(const Options& options) {
  static constexpr std::array<const char*, 6> names = {"server.pem",
                                                       "server-expired.pem",
                                                       "server-not-yet.pem",
                                                       "server-wrong-host.pem",
                                                       "server-self-signed.pem",
                                                       "server-untrusted.pem"};
  return options.dir / names.at(std::size_t(options.cert_fault));
}

bool reusable(const fs::path& path, const Options& options) {
  Identity id;
  return options.cert_fault == CertFault::none && fs::exists(path) && load(id, read_text(path)) &&
         gnutls_x509_crt_get_expiration_time(id.crt.raw) > std::time(nullptr) &&
         gnutls_x509_crt_check_hostname(id.crt.raw, options.tls_host.c_str()) != 0;
}

}  // namespace

fs::path make_certificates(const Options& options) {
  Identity authority;
  ready_authority(authority, options.dir);
  fs::path path = server_file(options);
  if (reusable(path, options)) return path;
  Identity server;
  make_server(server, options);
  sign_server(server, authority, options.cert_fault);
  save(path, certificate_pem(server) + key_pem(server), 0600);
  return path;
}

}  // namespace peer
