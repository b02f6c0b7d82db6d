// A client that speaks literal bytes and knows no SMTP beyond where a reply ends.

#pragma once

#include <gnutls/gnutls.h>

#include <cstdint>
#include <string>
#include <string_view>

class PeerClient {
 public:
  explicit PeerClient(std::uint16_t port);
  ~PeerClient();
  PeerClient(const PeerClient&) = delete;
  PeerClient& operator=(const PeerClient&) = delete;

  void say(std::string_view bytes);
  std::string hear();  // one reply, or what came of it before the line ended
  std::string ask(std::string_view bytes) {
    say(bytes);
    return hear();
  }
  std::string hear_all();  // until the line ends
  void finish_saying();    // FIN

  // How the line ended: "fin", "reset", "close-notify" or "truncated" (TLS without close-notify).
  const std::string& ended() const { return ended_; }
  bool over() const { return !ended_.empty(); }
  std::uint64_t heard() const { return heard_; }

  // Verifies against the CA; the error text, empty when all is well.
  // Before start_tls: shows the chain and key in PEM_FILE, if it is asked.
  void show(const std::string& pem_file) { shown_ = pem_file; }
  std::string start_tls(const std::string& ca_file, const std::string& host,
                        const gnutls_datum_t* session = nullptr);
  gnutls_session_t tls() const { return tls_; }

 private:
  bool fill();
  void note_end(ssize_t code);

  int fd_ = -1;
  std::string shown_;
  gnutls_session_t tls_ = nullptr;
  gnutls_certificate_credentials_t trust_ = nullptr;
  std::string buffer_;
  std::string ended_;
  bool reset_seen_ = false;
  std::uint64_t heard_ = 0;
};
