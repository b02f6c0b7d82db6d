// TLS over a Socket: the credentials all connections share, and one session.

#pragma once

#include <gnutls/gnutls.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "ending.hh"
#include "socket.hh"

namespace peer {

// What a server shows and asks for.
struct TlsFiles {
  std::filesystem::path pem;        // chain and key, shown as they are
  std::filesystem::path ocsp;       // DER; empty: no staple
  std::filesystem::path client_ca;  // PEM; empty: no client certificate
  bool client_optional = false;
};

// Made once in main(); read-only afterwards, so shared by all threads without a lock.
class TlsCredentials {
 public:
  TlsCredentials(const TlsFiles& files, const std::string& priority);
  ~TlsCredentials();
  TlsCredentials(const TlsCredentials&) = delete;
  TlsCredentials& operator=(const TlsCredentials&) = delete;

  void equip(gnutls_session_t session) const;

 private:
  void demand_client(const TlsFiles& files);

  std::string staple_;
  gnutls_certificate_request_t client_ = GNUTLS_CERT_IGNORE;
  gnutls_certificate_credentials_t certificate_ = nullptr;
  gnutls_priority_t priority_ = nullptr;
  gnutls_datum_t ticket_key_{nullptr, 0};
};

// What a sign-in is bound to (RFC 5929, RFC 9266).
struct TlsBinding {
  std::string type;  // "tls-exporter" (TLS 1.3) or "tls-unique"
  std::string data;
};

class TlsSession {
 public:
  TlsSession(const TlsCredentials& credentials, Socket& socket);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // These throw End, as Socket does.
  void handshake();
  std::size_t read(char* to, std::size_t size);  // 0 after close_notify
  void write(std::string_view bytes);

  void close_notify() noexcept;
  std::string version() const;
  std::string summary() const;
  bool resumed() const;
  std::optional<TlsBinding> binding() const;
  bool has_client_certificate() const;

 private:
  static ssize_t pull(gnutls_transport_ptr_t self, void* to, std::size_t size) noexcept;
  static ssize_t push(gnutls_transport_ptr_t self, const void* from, std::size_t size) noexcept;
  static int pull_timeout(gnutls_transport_ptr_t self, unsigned ms) noexcept;
  ssize_t keep(const End& end);
  [[noreturn]] void fail(int code);

  gnutls_session_t session_ = nullptr;
  Socket& socket_;
  std::optional<End> end_;  // what Socket threw inside a callback
};

}  // namespace peer
