#include "peer_client.hh"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <utility>

namespace {

// The octets of the first whole reply in `text`; 0 if there is none yet.
std::size_t reply_length(std::string_view text) {
  std::size_t start = 0;
  for (;;) {
    const std::size_t end = text.find('\n', start);
    if (end == std::string_view::npos) return 0;
    if (end - start < 4 || text[start + 3] != '-') return end + 1;
    start = end + 1;
  }
}

}  // namespace

PeerClient::PeerClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error("connect");
  }
  const int yes = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

PeerClient::~PeerClient() {
  if (tls_ != nullptr) gnutls_deinit(tls_);
  if (trust_ != nullptr) gnutls_certificate_free_credentials(trust_);
  ::close(fd_);
}

void PeerClient::say(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = tls_ != nullptr ? gnutls_record_send(tls_, bytes.data(), bytes.size())
                                      : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) {  // the line is over; an error told here is not told again to recv()
      reset_seen_ = errno == ECONNRESET;
      return;
    }
    bytes.remove_prefix(std::size_t(n));
  }
}

bool PeerClient::fill() {
  std::array<char, 65536> piece;
  const ssize_t n = tls_ != nullptr ? gnutls_record_recv(tls_, piece.data(), piece.size())
                                    : ::recv(fd_, piece.data(), piece.size(), 0);
  if (tls_ != nullptr && n == GNUTLS_E_AGAIN) return true;  // a session ticket came
  if (n <= 0) {
    note_end(n);
    return false;
  }
  buffer_.append(piece.data(), std::size_t(n));
  heard_ += std::uint64_t(n);
  return true;
}

void PeerClient::note_end(ssize_t code) {
  if (tls_ == nullptr) {
    ended_ = code == 0 && !reset_seen_ ? "fin" : "reset";
  } else if (code == 0) {
    ended_ = "close-notify";
  } else {
    ended_ = code == GNUTLS_E_PREMATURE_TERMINATION ? "truncated" : "reset";
  }
}

std::string PeerClient::hear() {
  std::size_t length = reply_length(buffer_);
  while (length == 0 && !over() && fill()) length = reply_length(buffer_);
  if (length == 0) return std::exchange(buffer_, {});
  std::string reply = buffer_.substr(0, length);
  buffer_.erase(0, length);
  return reply;
}

std::string PeerClient::hear_all() {
  while (!over() && fill()) {
  }
  return std::exchange(buffer_, {});
}

void PeerClient::finish_saying() { ::shutdown(fd_, SHUT_WR); }

std::string PeerClient::start_tls(const std::string& ca_file, const std::string& host,
                                  const gnutls_datum_t* session) {
  gnutls_certificate_allocate_credentials(&trust_);
  gnutls_certificate_set_x509_trust_file(trust_, ca_file.c_str(), GNUTLS_X509_FMT_PEM);
  if (!shown_.empty())
    gnutls_certificate_set_x509_key_file(trust_, shown_.c_str(), shown_.c_str(),
                                         GNUTLS_X509_FMT_PEM);
  gnutls_init(&tls_, GNUTLS_CLIENT);
  gnutls_set_default_priority(tls_);
  gnutls_credentials_set(tls_, GNUTLS_CRD_CERTIFICATE, trust_);
  gnutls_session_set_verify_cert(tls_, host.c_str(), 0);
  gnutls_transport_set_int(tls_, fd_);
  if (session != nullptr) gnutls_session_set_data(tls_, session->data, session->size);
  const int code = gnutls_handshake(tls_);
  return code == 0 ? "" : gnutls_strerror_name(code);
}
