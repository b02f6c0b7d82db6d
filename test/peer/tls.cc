#include "tls.hh"

#include <gnutls/abstract.h>

#include <array>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace peer {
namespace {

void check(int code, const char* what) {
  if (code < 0) throw std::runtime_error(std::string(what) + ": " + gnutls_strerror(code));
}

bool again(ssize_t code) {
  return code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED ||
         code == GNUTLS_E_WARNING_ALERT_RECEIVED;
}

std::string read_octets(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

// Not by gnutls_certificate_set_x509_key_file, which sorts a chain and leaves out what does not
// belong: faults of the chain are to be seen by the client.
void show_as_it_is(gnutls_certificate_credentials_t credentials, std::string pem) {
  const gnutls_datum_t data{reinterpret_cast<unsigned char*>(pem.data()), unsigned(pem.size())};
  std::array<gnutls_pcert_st, 16> chain{};
  unsigned count = chain.size();
  gnutls_privkey_t key = nullptr;
  check(gnutls_pcert_list_import_x509_raw(chain.data(), &count, &data, GNUTLS_X509_FMT_PEM, 0),
        "server certificate");
  check(gnutls_privkey_init(&key), "server key");
  check(gnutls_privkey_import_x509_raw(key, &data, GNUTLS_X509_FMT_PEM, nullptr, 0), "server key");
  check(gnutls_certificate_set_key(credentials, nullptr, 0, chain.data(), int(count), key),
        "server certificate and key");
}

// A staple from a file would be checked first, and left out once it has expired.
int send_staple(gnutls_session_t, void* staple, gnutls_datum_t* into) {
  const auto& octets = *static_cast<const std::string*>(staple);
  into->data = static_cast<unsigned char*>(gnutls_malloc(octets.size()));
  if (into->data == nullptr) return GNUTLS_E_MEMORY_ERROR;
  into->size = unsigned(octets.size());
  std::memcpy(into->data, octets.data(), octets.size());
  return 0;
}

int check_client(gnutls_session_t session) {
  unsigned count = 0;
  unsigned status = 0;
  if (gnutls_certificate_get_peers(session, &count) == nullptr || count == 0) return 0;
  const int code = gnutls_certificate_verify_peers2(session, &status);
  return code < 0 || status != 0 ? -1 : 0;
}

// A certificate whose key usage forbids what it is used for is shown all the same.
std::string lenient(const std::string& priority) {
  return priority + ":%DEBUG_ALLOW_KEY_USAGE_VIOLATIONS";
}

}  // namespace

TlsCredentials::TlsCredentials(const TlsFiles& files, const std::string& priority) {
  check(gnutls_certificate_allocate_credentials(&certificate_), "credentials");
  show_as_it_is(certificate_, read_octets(files.pem));
  if (!files.ocsp.empty()) staple_ = read_octets(files.ocsp);
  if (!staple_.empty())
    gnutls_certificate_set_ocsp_status_request_function(certificate_, send_staple, &staple_);
  if (!files.client_ca.empty()) demand_client(files);
  check(gnutls_priority_init(&priority_, lenient(priority).c_str(), nullptr), "TLS versions");
  check(gnutls_session_ticket_key_generate(&ticket_key_), "ticket key");
}

void TlsCredentials::demand_client(const TlsFiles& files) {
  check(gnutls_certificate_set_x509_trust_file(certificate_, files.client_ca.c_str(),
                                               GNUTLS_X509_FMT_PEM),
        "client authority");
  client_ = files.client_optional ? GNUTLS_CERT_REQUEST : GNUTLS_CERT_REQUIRE;
}

TlsCredentials::~TlsCredentials() {
  gnutls_free(ticket_key_.data);
  gnutls_priority_deinit(priority_);
  gnutls_certificate_free_credentials(certificate_);
}

void TlsCredentials::equip(gnutls_session_t session) const {
  check(gnutls_priority_set(session, priority_), "priority");
  check(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, certificate_), "credentials");
  check(gnutls_session_ticket_enable_server(session, &ticket_key_), "tickets");
  gnutls_certificate_server_set_request(session, client_);
  if (client_ != GNUTLS_CERT_IGNORE) gnutls_session_set_verify_function(session, check_client);
}

TlsSession::TlsSession(const TlsCredentials& credentials, Socket& socket) : socket_(socket) {
  check(gnutls_init(&session_, GNUTLS_SERVER), "TLS session");
  credentials.equip(session_);
  gnutls_transport_set_ptr(session_, this);
  gnutls_transport_set_pull_function(session_, pull);
  gnutls_transport_set_push_function(session_, push);
  gnutls_transport_set_pull_timeout_function(session_, pull_timeout);
}

TlsSession::~TlsSession() { gnutls_deinit(session_); }

ssize_t TlsSession::pull(gnutls_transport_ptr_t self, void* to, std::size_t size) noexcept {
  auto* tls = static_cast<TlsSession*>(self);
  try {
    return ssize_t(tls->socket_.read(static_cast<char*>(to), size));
  } catch (const End& end) {
    return tls->keep(end);
  }
}

ssize_t TlsSession::push(gnutls_transport_ptr_t self, const void* from, std::size_t size) noexcept {
  auto* tls = static_cast<TlsSession*>(self);
  try {
    tls->socket_.write({static_cast<const char*>(from), size});
    return ssize_t(size);
  } catch (const End& end) {
    return tls->keep(end);
  }
}

int TlsSession::pull_timeout(gnutls_transport_ptr_t self, unsigned ms) noexcept {
  const int timeout = ms == GNUTLS_INDEFINITE_TIMEOUT ? -1 : int(ms);
  return static_cast<TlsSession*>(self)->socket_.readable(timeout) ? 1 : 0;
}

ssize_t TlsSession::keep(const End& end) {
  end_ = end;
  gnutls_transport_set_errno(session_, ECONNRESET);
  return -1;
}

void TlsSession::fail(int code) {
  if (end_) throw End{end_->how, end_->reason};
  if (code == GNUTLS_E_PREMATURE_TERMINATION) throw End{Ending::gone, "client-truncated"};
  if (code == GNUTLS_E_FATAL_ALERT_RECEIVED) {
    const char* name = gnutls_alert_get_name(gnutls_alert_get(session_));
    throw End{Ending::drop, std::string("client-alert:") + (name ? name : "?")};
  }
  gnutls_alert_send_appropriate(session_, code);
  throw End{Ending::drop, std::string("tls-error:") + gnutls_strerror_name(code)};
}

void TlsSession::handshake() {
  int code = 0;
  do {
    code = gnutls_handshake(session_);
  } while (again(code));
  if (code < 0) fail(code);
}

std::size_t TlsSession::read(char* to, std::size_t size) {
  ssize_t n = 0;
  do {
    n = gnutls_record_recv(session_, to, size);
  } while (again(n));
  if (n < 0) fail(int(n));
  return std::size_t(n);
}

void TlsSession::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = gnutls_record_send(session_, bytes.data(), bytes.size());
    if (again(n)) continue;
    if (n < 0) fail(int(n));
    bytes.remove_prefix(std::size_t(n));
  }
}

void TlsSession::close_notify() noexcept { gnutls_bye(session_, GNUTLS_SHUT_WR); }

std::string TlsSession::version() const {
  return gnutls_protocol_get_name(gnutls_protocol_get_version(session_));
}

std::string TlsSession::summary() const {
  char* description = gnutls_session_get_desc(session_);
  std::string text = description ? description : "";
  gnutls_free(description);
  return version() + " " + text + " resumed=" + (resumed() ? "yes" : "no");
}

std::optional<TlsBinding> TlsSession::binding() const {
  const bool exporter = gnutls_protocol_get_version(session_) >= GNUTLS_TLS1_3;
  gnutls_datum_t data{nullptr, 0};
  const int code = gnutls_session_channel_binding(
      session_, exporter ? GNUTLS_CB_TLS_EXPORTER : GNUTLS_CB_TLS_UNIQUE, &data);
  if (code < 0) return std::nullopt;
  TlsBinding binding{exporter ? "tls-exporter" : "tls-unique",
                     std::string(reinterpret_cast<const char*>(data.data), data.size)};
  gnutls_free(data.data);
  return binding;
}

bool TlsSession::has_client_certificate() const {
  unsigned count = 0;
  return gnutls_certificate_get_peers(session_, &count) != nullptr && count != 0;
}

bool TlsSession::resumed() const { return gnutls_session_is_resumed(session_) != 0; }

}  // namespace peer
