// How fast GnuTLS is by itself: records of 16 KB encrypted under TLS 1.3 and thrown away, one
// thread, no socket. The floor of all that is sent under TLS.
//
//   bench-tls PEM      the server's certificate and key; prints one line a cipher: NAME GB/S
//
// Client and server shake hands in memory.

#include <gnutls/gnutls.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t record = 16384;
constexpr double seconds_each = 0.5;

/// What one side has written and the other has not read yet.
struct Way {
  std::string bytes;
  bool discard = false;
};

struct Side {
  gnutls_session_t session = nullptr;
  Way* in = nullptr;
  Way* out = nullptr;
};

[[noreturn]] void die(const char* why) {
  (void)std::fprintf(stderr, "bench-tls: %s\n", why);
  std::exit(1);  // NOLINT(concurrency-mt-unsafe): there is one thread
}

ssize_t push(gnutls_transport_ptr_t side, const void* from, std::size_t size) {
  Way& out = *static_cast<Side*>(side)->out;
  if (!out.discard) out.bytes.append(static_cast<const char*>(from), size);
  return static_cast<ssize_t>(size);
}

ssize_t pull(gnutls_transport_ptr_t side, void* to, std::size_t size) {
  const Side& self = *static_cast<Side*>(side);
  std::string& bytes = self.in->bytes;
  if (bytes.empty()) {
    gnutls_transport_set_errno(self.session, EAGAIN);
    return -1;
  }
  size = std::min(size, bytes.size());
  std::memcpy(to, bytes.data(), size);
  bytes.erase(0, size);
  return static_cast<ssize_t>(size);
}

void begin(Side& side, unsigned flags, const std::string& priority) {
  gnutls_init(&side.session, flags);
  if (gnutls_priority_set_direct(side.session, priority.c_str(), nullptr) != 0)
    die("no such cipher");
  gnutls_transport_set_ptr(side.session, &side);
  gnutls_transport_set_push_function(side.session, push);
  gnutls_transport_set_pull_function(side.session, pull);
}

void give_credentials(const Side& client, const Side& server, const char* pem) {
  gnutls_certificate_credentials_t none = nullptr;
  gnutls_certificate_credentials_t own = nullptr;
  gnutls_certificate_allocate_credentials(&none);
  gnutls_certificate_allocate_credentials(&own);
  if (gnutls_certificate_set_x509_key_file(own, pem, pem, GNUTLS_X509_FMT_PEM) < 0)
    die("no certificate and key in that file");
  gnutls_credentials_set(client.session, GNUTLS_CRD_CERTIFICATE, none);
  gnutls_credentials_set(server.session, GNUTLS_CRD_CERTIFICATE, own);
}

void shake_hands(Side& client, Side& server) {
  int mine = GNUTLS_E_AGAIN;
  int theirs = GNUTLS_E_AGAIN;
  while (mine != 0 || theirs != 0) {
    if (mine != 0) mine = gnutls_handshake(client.session);
    if (theirs != 0) theirs = gnutls_handshake(server.session);
    if (gnutls_error_is_fatal(mine) != 0 || gnutls_error_is_fatal(theirs) != 0) die("no handshake");
  }
}

double gigabytes_a_second(const std::string& cipher, const char* pem) {
  const std::string priority = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+" + cipher;
  Way up, down;
  Side client{nullptr, &down, &up};
  Side server{nullptr, &up, &down};
  begin(client, GNUTLS_CLIENT | GNUTLS_NONBLOCK, priority);
  begin(server, GNUTLS_SERVER | GNUTLS_NONBLOCK, priority);
  give_credentials(client, server, pem);
  shake_hands(client, server);
  up.discard = true;
  const std::string text(record, 'm');
  double octets = 0;
  double seconds = 0;
  const auto start = Clock::now();
  while (seconds < seconds_each) {
    for (int i = 0; i < 64; ++i) {
      if (gnutls_record_send(client.session, text.data(), text.size()) < 0) die("cannot send");
      octets += record;
    }
    seconds = std::chrono::duration<double>(Clock::now() - start).count();
  }
  return octets / seconds / 1e9;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) die("usage: bench-tls PEM");
  for (const char* cipher : {"AES-128-GCM", "AES-256-GCM", "CHACHA20-POLY1305"})
    (void)std::printf("%s %.2f\n", cipher, gigabytes_a_second(cipher, arguments[1]));
}
