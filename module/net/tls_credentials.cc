// See tls_credentials.hh.

#include "net/tls_credentials.hh"

#include <chrono>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "base/clock.hh"
#include "base/file.hh"
#include "base/synchronised.hh"
#include "base/text.hh"
#include "net/tls_handles.hh"

namespace sendonce::net {

namespace {

constexpr std::chrono::hours cache_life{1};

struct Cached {
  std::shared_ptr<const Credentials> credentials;
  SteadyClock::time_point loaded;
};
using Cache = std::map<std::string, Cached>;

// Never destroyed: a worker may still ask for credentials while the process exits.
Synchronised<Cache>& cache() {
  static auto& instance = *new Synchronised<Cache>();
  return instance;
}

// The files with the times they were last changed.
std::string cache_key(const std::vector<std::string>& trust_files) {
  std::string key;
  for (const std::string& file : trust_files) {
    std::error_code error;
    const auto changed = std::filesystem::last_write_time(file_path(file), error);
    key += file + '\0' + std::to_string(changed.time_since_epoch().count()) + '\0';
  }
  return key;
}

tl::unexpected<Error> bad_trust_file(const std::string& file, const std::string& why) {
  return fail(Cause::certificate, Phase::tls,
              "the trust file \"" + printable(file) + "\" cannot be used: " + why);
}

// Not by GnuTLS' function for files, which takes names in the letters of the locale.
int add_trust_file(gnutls_certificate_credentials_t credentials, const std::string& file) {
  if (gnutls_url_is_supported(file.c_str()) != 0)
    return gnutls_certificate_set_x509_trust_file(credentials, file.c_str(), GNUTLS_X509_FMT_PEM);
  auto bytes = read_file(file);
  if (!bytes) return GNUTLS_E_FILE_ERROR;
  const gnutls_datum_t data{reinterpret_cast<unsigned char*>(bytes->data()),
                            static_cast<unsigned int>(bytes->size())};
  return gnutls_certificate_set_x509_trust_mem(credentials, &data, GNUTLS_X509_FMT_PEM);
}

}  // namespace

Credentials::~Credentials() {
  if (handle_ != nullptr) gnutls_certificate_free_credentials(handle_);
}

Result<std::shared_ptr<Credentials>> Credentials::load(
    const std::vector<std::string>& trust_files) {
  auto made = std::make_shared<Credentials>();
  if (const int code = gnutls_certificate_allocate_credentials(&made->handle_); code < 0)
    return fail(Cause::internal, Phase::tls, gnutls_words(code));
  // No system store at all is no error: the user's files may be all that is wanted.
  const int system = gnutls_certificate_set_x509_system_trust(made->handle_);
  made->authorities_ = system > 0 ? system : 0;
  for (const std::string& file : trust_files) {
    const int count = add_trust_file(made->handle_, file);
    if (count < 0) return bad_trust_file(file, gnutls_words(count));
    if (count == 0) return bad_trust_file(file, "it holds no certificate");
    made->authorities_ += count;
  }
  return made;
}

Result<std::shared_ptr<const Credentials>> shared_credentials(
    const std::vector<std::string>& trust_files) {
  const std::string key = cache_key(trust_files);
  auto cached = cache().lock();
  const auto now = SteadyClock::now();
  std::erase_if(*cached, [now](const auto& e) { return now - e.second.loaded > cache_life; });
  if (const auto found = cached->find(key); found != cached->end())
    return found->second.credentials;
  auto loaded = Credentials::load(trust_files);
  if (!loaded) return fail(std::move(loaded.error()));
  (*cached)[key] = {*loaded, now};
  return *loaded;
}

}  // namespace sendonce::net
