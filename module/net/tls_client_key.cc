// See tls_client_key.hh.

#include "net/tls_client_key.hh"

#include <gnutls/abstract.h>
#include <gnutls/pkcs11.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/file.hh"
#include "base/text.hh"
#include "net/tls_handles.hh"
#include "net/tls_key_secrets.hh"

namespace sendonce::net {

namespace {

struct FreeKey {
  void operator()(gnutls_privkey_t key) const noexcept { gnutls_privkey_deinit(key); }
};
using Key = std::unique_ptr<gnutls_privkey_st, FreeKey>;

// One of the two settings, for error texts.
struct Source {
  std::string_view field;
  const std::string& name;
  [[nodiscard]] bool is_known_url() const { return gnutls_url_is_supported(name.c_str()) != 0; }
  // Also where GnuTLS was built without tokens: it may hold a PIN all the same.
  [[nodiscard]] bool is_url() const { return name.starts_with("pkcs11:") || is_known_url(); }
};

// A PKCS#11 URI may hold a PIN in its query (RFC 7512 section 2.4).
std::string shown_name(const Source& source) {
  const std::string& name = source.name;
  return printable(source.is_url() ? name.substr(0, name.find('?')) : name);
}

tl::unexpected<Error> bad_source(const Source& source, const std::string& why) {
  return fail(Cause::bad_argument, Phase::tls,
              std::string(source.field) + " \"" + shown_name(source) + "\" cannot be used: " + why);
}

std::string remedy(const Source& source, int code) {
  if (source.is_url() && !source.is_known_url())
    return "this module was built without PKCS#11; name a file";
  if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE && source.is_url())
    return "no token has such an object; p11tool --list-tokens shows the tokens there are";
  if (code == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
    return "the certificate is not of this key; name the one that belongs to it";
  return gnutls_words(code) + (source.is_url()
                                   ? "; p11tool --list-all shows what the token holds"
                                   : "; it must be in PEM, with its BEGIN and END lines");
}

tl::unexpected<Error> failed(const Source& source, const KeySecrets& secrets, int code) {
  if (secrets.declined())
    return fail(Cause::declined, Phase::tls,
                "the PIN or passphrase of " + std::string(source.field) + " \"" +
                    shown_name(source) + "\" was not given");
  if (secrets.nearly_locked())
    return bad_source(
        source, "one more wrong PIN would lock the token; sign in to it by its own tool first");
  if (secrets.refused())
    return bad_source(source, "the PIN or passphrase was refused; nothing more was tried");
  return bad_source(source, remedy(source, code));
}

// ---- the certificate

// An owner until the credentials take them over.
class Certificates {
 public:
  Certificates() = default;
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;
  ~Certificates() {
    for (unsigned int i = 0; i < count_; ++i) gnutls_pcert_deinit(&list_[i]);
  }
  int load(const std::string& name, KeySecrets& secrets) {
    count_ = static_cast<unsigned int>(list_.size());
    const int code = gnutls_url_is_supported(name.c_str()) != 0
                         ? gnutls_pcert_list_import_x509_file(list_.data(), &count_, name.c_str(),
                                                              GNUTLS_X509_FMT_PEM,
                                                              KeySecrets::for_token, &secrets, 0)
                         : import_file(name);
    if (code < 0) count_ = 0;
    return code;
  }
  gnutls_pcert_st* data() { return list_.data(); }
  [[nodiscard]] int count() const { return static_cast<int>(count_); }
  void release() { count_ = 0; }

 private:
  // Not by GnuTLS' function for files, which takes names in the letters of the locale.
  int import_file(const std::string& name) {
    auto bytes = read_file(name);
    if (!bytes) return GNUTLS_E_FILE_ERROR;
    const gnutls_datum_t data{reinterpret_cast<unsigned char*>(bytes->data()),
                              static_cast<unsigned int>(bytes->size())};
    return gnutls_pcert_list_import_x509_raw(list_.data(), &count_, &data, GNUTLS_X509_FMT_PEM, 0);
  }

  std::array<gnutls_pcert_st, 16> list_{};
  unsigned int count_ = 0;
};

// The certificate beside the key that a URI names: the same URI with another type (RFC 7512
// section 2.3).
std::string certificate_url(const std::string& key) {
  const std::size_t query = std::min(key.find('?'), key.size());
  std::string url = key.substr(0, query);
  for (const std::string_view type : {";type=private", "type=private;"})
    if (const std::size_t at = url.find(type); at != std::string::npos) url.erase(at, type.size());
  if (url.find("type=") == std::string::npos) url += ";type=cert";
  return url + key.substr(query);
}

Status load_certificates(const Source& source, Certificates& into, KeySecrets& secrets) {
  const std::string name = source.is_url() ? certificate_url(source.name) : source.name;
  const int code = into.load(name, secrets);
  if (code < 0) return failed(source, secrets, code);
  if (into.count() == 0) return bad_source(source, "it holds no certificate");
  return {};
}

// ---- the key

Result<Secret> read_secret(const Source& source) {
  constexpr std::size_t enough = 1UL << 20U;
  errno = 0;
  std::ifstream file(file_path(source.name), std::ios::binary);
  Secret bytes(enough);
  file.read(bytes.writable(), static_cast<std::streamsize>(enough));
  if (file.gcount() > 0)
    return Secret(bytes.reveal().substr(0, static_cast<std::size_t>(file.gcount())));
  return bad_source(source, std::generic_category().message(errno == 0 ? ENODATA : errno) +
                                "; name a file that can be read");
}

int import_key(gnutls_privkey_t key, const Secret& pem, const Secret* passphrase) {
  Secret bytes = pem.copy();
  const gnutls_datum_t data{reinterpret_cast<unsigned char*>(bytes.writable()),
                            static_cast<unsigned int>(bytes.size())};
  return gnutls_privkey_import_x509_raw(
      key, &data, GNUTLS_X509_FMT_PEM,
      passphrase == nullptr ? nullptr : passphrase->reveal().data(), 0);
}

int new_key(Key& key) {
  gnutls_privkey_t made = nullptr;
  const int code = gnutls_privkey_init(&made);
  if (code >= 0) key.reset(made);
  return code;
}

// A key as it must be made anew for each try.  Without a pin function: GnuTLS would ask by it, too,
// but for no name and only once.
int try_key(Key& key, const Secret& pem, const Secret* passphrase) {
  const int code = new_key(key);
  return code < 0 ? code : import_key(key.get(), pem, passphrase);
}

Status load_key_file(const Source& source, Key& key, KeySecrets& secrets) {
  const auto pem = read_secret(source);
  if (!pem) return fail(pem.error());
  int code = try_key(key, *pem, nullptr);
  for (int tries = 0; code == GNUTLS_E_DECRYPTION_FAILED && tries < KeySecrets::most_tries;
       ++tries) {
    const auto passphrase = secrets.ask(source.name, tries > 0);
    if (!passphrase) break;
    code = try_key(key, *pem, &*passphrase);
  }
  if (code >= 0) return {};
  if (code == GNUTLS_E_DECRYPTION_FAILED && !secrets.declined())
    return bad_source(source, "its passphrase was refused twice");
  return failed(source, secrets, code);
}

Status load_key(const Source& source, Key& key, KeySecrets& secrets) {
  if (!source.is_url()) return load_key_file(source, key, secrets);
  int code = new_key(key);
  if (code >= 0) gnutls_privkey_set_pin_function(key.get(), KeySecrets::for_token, &secrets);
  if (code >= 0) code = gnutls_privkey_import_url(key.get(), source.name.c_str(), 0);
  if (code < 0) return failed(source, secrets, code);
  return {};
}

Status add_client(Credentials& credentials, const TlsSettings& settings, KeySecrets& secrets) {
  const Source key_source{"client-key", settings.client_key};
  const bool both = settings.client_cert.empty();
  const Source source = both ? key_source : Source{"client-cert", settings.client_cert};
  Certificates certificates;
  if (Status status = load_certificates(source, certificates, secrets); !status) return status;
  Key key;
  if (Status status = load_key(key_source, key, secrets); !status) return status;
  const int code = gnutls_certificate_set_key(credentials.get(), nullptr, 0, certificates.data(),
                                              certificates.count(), key.get());
  if (code < 0) return bad_source(source, remedy(source, code));
  certificates.release();
  (void)key.release();
  secrets.accept();
  return {};
}

}  // namespace

Result<std::shared_ptr<const Credentials>> credentials_for(const TlsSettings& settings) {
  if (settings.client_key.empty() && !settings.client_cert.empty())
    return fail(Cause::bad_argument, Phase::tls, "client-cert is set without a client-key");
  if (settings.client_key.empty()) return shared_credentials(settings.trust_files);
  auto credentials = Credentials::load(settings.trust_files);
  if (!credentials) return fail(std::move(credentials.error()));
  auto secrets = std::make_shared<KeySecrets>(settings);
  (*credentials)->keep(secrets);
  if (Status status = add_client(**credentials, settings, *secrets); !status)
    return fail(std::move(status.error()));
  return *credentials;
}

}  // namespace sendonce::net
