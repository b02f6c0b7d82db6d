// What the tests of net/ share: socket pairs, loopback listeners, certificates made on the spot,
// and a TLS server on plain GnuTLS that knows nothing of the code under test.  Nothing here sleeps.

#pragma once

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <cstdint>
#include <ctime>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "net/connect.hh"
#include "net/descriptor.hh"
#include "net/line.hh"
#include "net/wake.hh"
#include "net_system.hh"

namespace sendonce::net::test {

Deadline soon();  ///< ten seconds: a test that needs them has failed
Deadline at_once();
std::shared_ptr<const Wake> make_wake();

/// A thread that is joined when it dies.
class Running {
 public:
  explicit Running(std::function<void()> work) : thread_(std::move(work)) {}
  ~Running() { join(); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  void join() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::thread thread_;
};

/// Two connected sockets, ours non-blocking, theirs blocking.
struct Pair {
  Descriptor ours;
  Descriptor theirs;
};
Pair socket_pair();
Pair tcp_pair();
/// So small that a writer is soon held up.
void shrink_buffers(const Pair& pair);

class Listener {
 public:
  explicit Listener(int backlog = 16);
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] Endpoint endpoint() const;
  [[nodiscard]] Descriptor accept() const;

 private:
  Descriptor socket_;
  std::uint16_t port_ = 0;
};

/// A loopback port that nobody listens at.
Endpoint refusing_endpoint();
Endpoint ipv4_endpoint(std::uint32_t address, std::uint16_t port);

void send_all(const Descriptor& socket, std::string_view bytes);
std::string receive_until_end(const Descriptor& socket);
void reset(Descriptor socket);  ///< closes with RST
/// Waits until bytes have come to LINE, and be they of TLS only.
void await_bytes(const Line& line);
/// Waits for something that LINE would give to a reader: what was sent may still be on its way.
bool gets_input(const Line& line);

// ---- certificates

struct CertificateWish {
  std::vector<std::string> names = {"mail.example.org"};
  std::vector<std::string> addresses;
  std::string common_name = "a test server";
  std::time_t not_before = std::time(nullptr) - 3600;
  std::time_t not_after = std::time(nullptr) + 3600;
};

/// A key with its certificate.
class Identity {
 public:
  /// Signed by ISSUER, or by itself if that is nullptr; an authority if AUTHORITY.
  Identity(const CertificateWish& wish, const Identity* issuer, bool authority);
  ~Identity();
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;
  [[nodiscard]] std::string pem() const;
  [[nodiscard]] gnutls_x509_crt_t certificate() const { return certificate_; }
  [[nodiscard]] gnutls_x509_privkey_t key() const { return key_; }

 private:
  gnutls_x509_privkey_t key_ = nullptr;
  gnutls_x509_crt_t certificate_ = nullptr;
};

const Identity& authority();
const Identity& server_identity();  ///< for mail.example.org, signed by `authority`
std::unique_ptr<Identity> signed_identity(const CertificateWish& wish);

/// A file that goes when it dies.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view contents);
  ~TemporaryFile();
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// For mail.example.org, trusting `authority`.
TlsSettings client_settings();

// ---- a TLS server

constexpr const char* tls13 = "NORMAL:-VERS-ALL:+VERS-TLS1.3";
constexpr const char* tls12 = "NORMAL:-VERS-ALL:+VERS-TLS1.2";

/// What the server shows and asks for: gives credentials what they need.
using Equip = std::function<void(gnutls_certificate_credentials_t)>;
Equip shows(const Identity& identity);
/// The files of a case of sendonce-certificates: chain and key in PEM, octets of a staple.
Equip serves(const std::string& pem_file, const std::string& staple = {});
std::string read_whole(const std::string& file);

/// The server's end of a TLS session, blocking, over a socket.
class TlsPeer {
 public:
  /// SOCKET stays the caller's.  With BYTE_BY_BYTE each byte goes out in a send of its own.
  TlsPeer(const Descriptor& socket, const Equip& equip, const char* priority = tls13,
          bool byte_by_byte = false);
  TlsPeer(const Descriptor& socket, const Identity& identity, const char* priority = tls13,
          bool byte_by_byte = false)
      : TlsPeer(socket, shows(identity), priority, byte_by_byte) {}
  ~TlsPeer();
  TlsPeer(const TlsPeer&) = delete;
  TlsPeer& operator=(const TlsPeer&) = delete;

  int handshake();
  /// One record; 0 at close_notify, negative GnuTLS codes as they are.
  ssize_t read(std::string& into);
  std::string read_exactly(std::size_t count);
  std::string read_line();
  void write(std::string_view bytes);
  void say_goodbye();
  /// What can be decrypted until nothing comes for a moment.
  std::string read_what_is_there();
  [[nodiscard]] gnutls_session_t session() const { return session_; }

 private:
  Descriptor const& socket_;
  gnutls_certificate_credentials_t credentials_ = nullptr;
  gnutls_session_t session_ = nullptr;
  bool byte_by_byte_ = false;
  bool waits_ = true;

  [[nodiscard]] bool more_comes() const;
  static ssize_t push_bytes(gnutls_transport_ptr_t self, const void* bytes, std::size_t size);
  static ssize_t pull_bytes(gnutls_transport_ptr_t self, void* into, std::size_t size);
};

/// A line under TLS and its peer, both past the handshake.
struct TlsPair {
  explicit TlsPair(Pair pair, const char* priority = tls13,
                   const TlsSettings& settings = client_settings(),
                   const Identity& identity = server_identity(), bool byte_by_byte = false)
      : TlsPair(std::move(pair), shows(identity), priority, settings, byte_by_byte) {}
  TlsPair(Pair pair, const Equip& equip, const char* priority, const TlsSettings& settings,
          bool byte_by_byte = false);
  Descriptor socket;
  TlsPeer peer;
  Line line;
  Status status;
};

/// Why start_tls over TCP failed with SERVER at the other end: nothing can be written then.
Error failed_start(const std::function<void(Descriptor)>& server, Deadline deadline = soon(),
                   const TlsSettings& settings = client_settings());

/// SIZE bytes without a pattern that a shift by records or buffers would leave as it is.
std::string sample(std::size_t size);

}  // namespace sendonce::net::test
