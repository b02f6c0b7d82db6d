#include "tls.hh"

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

}  // namespace

TlsCredentials::TlsCredentials(const std::filesystem::path& pem, const std::string& priority) {
  check(gnutls_certificate_allocate_credentials(&certificate_), "credentials");
  check(gnutls_certificate_set_x509_key_file(certificate_, pem.c_str(), pem.c_str(),
                                             GNUTLS_X509_FMT_PEM),
        "server certificate");
  check(gnutls_priority_init(&priority_, priority.c_str(), nullptr), "TLS versions");
  check(gnutls_session_ticket_key_generate(&ticket_key_), "ticket key");
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
