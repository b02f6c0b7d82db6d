// See net_support.hh.

#include "net_support.hh"

#include <gnutls/abstract.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <utility>

#include "base/file.hh"
#include "net/address.hh"
#include "net/poll.hh"
#include "net/socket.hh"
#include "net/sockets.hh"
#include "temporary.hh"

namespace sendonce::net::test {

namespace {

void require(bool condition, const char* what) {
  if (!condition) throw std::runtime_error(std::string(what) + ": " + last_error());
}

void require_tls(int code, const char* what) {
  if (code < 0) throw std::runtime_error(std::string(what) + ": " + gnutls_strerror(code));
}

// Session tickets need one key for all sessions of the process.
const gnutls_datum_t& ticket_key() {
  static const gnutls_datum_t key = [] {
    gnutls_datum_t made{};
    require_tls(gnutls_session_ticket_key_generate(&made), "ticket key");
    return made;
  }();
  return key;
}

}  // namespace

Deadline soon() { return Deadline::after(Seconds(10)); }
Deadline at_once() { return Deadline::after(Milliseconds(0)); }

std::shared_ptr<const Wake> make_wake() {
  auto wake = Wake::make();
  require(wake.has_value(), "wake");
  return std::make_shared<const Wake>(std::move(*wake));
}

// ---- sockets

namespace {

void set_option(const Descriptor& socket, int level, int name, const void* value,
                std::size_t size) {
  (void)::setsockopt(to_socket(socket.get()), level, name, static_cast<const char*>(value),
                     static_cast<socklen_t>(size));
}

}  // namespace

Pair socket_pair() {
  auto ends = make_pair();
  set_blocking(ends[0], false);
  return {std::move(ends[0]), std::move(ends[1])};
}

Pair tcp_pair() {
  const Listener listener;
  auto ours = connect_any({listener.endpoint()}, soon(), *make_wake());
  require(ours.has_value(), "connect");
  return {std::move(*ours), listener.accept()};
}

void shrink_buffers(const Pair& pair) {
  const int size = small_buffer();
  for (const Descriptor* socket : {&pair.ours, &pair.theirs}) {
    set_option(*socket, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    set_option(*socket, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  }
}

Endpoint ipv4_endpoint(std::uint32_t address, std::uint16_t port) {
  sockaddr_in made{};
  made.sin_family = AF_INET;
  made.sin_port = htons(port);
  made.sin_addr.s_addr = htonl(address);
  const auto* const bytes = reinterpret_cast<const unsigned char*>(&made);
  return {{bytes, bytes + sizeof made}, AF_INET};
}

Listener::Listener(int backlog) : socket_(make_socket()) {
  const Endpoint any = ipv4_endpoint(INADDR_LOOPBACK, 0);
  sockaddr_in address{};
  std::memcpy(&address, any.bytes.data(), sizeof address);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  require(::bind(to_socket(socket_.get()), generic, size) == 0, "bind");
  require(::listen(to_socket(socket_.get()), backlog) == 0, "listen");
  require(::getsockname(to_socket(socket_.get()), generic, &size) == 0, "getsockname");
  port_ = ntohs(address.sin_port);
}

Endpoint Listener::endpoint() const { return ipv4_endpoint(INADDR_LOOPBACK, port_); }

Descriptor Listener::accept() const {
  Descriptor accepted = accept_one(socket_);
  const int on = 1;
  set_option(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return accepted;
}

Endpoint refusing_endpoint() { return Listener().endpoint(); }

void send_all(const Descriptor& socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const Moved moved = send_some(socket.get(), bytes);
    require(moved.error == 0, "send");
    bytes.remove_prefix(moved.count);
  }
}

std::string receive_until_end(const Descriptor& socket) {
  std::string all;
  std::array<char, 65536> bytes{};
  for (;;) {
    const Moved moved = receive_some(socket.get(), bytes);
    if (moved.count == 0) return all;
    all.append(bytes.data(), moved.count);
  }
}

void reset(Descriptor socket) {
  const linger now{1, 0};
  set_option(socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  socket.close();
}

namespace {
bool can_read(const Line& line) {
  std::array<Interest, 1> interest{{{line.descriptor(), true}}};
  return poll_for(interest, soon(), nullptr) == Poll::ready;
}
}  // namespace

void await_bytes(const Line& line) { require(can_read(line), "bytes"); }

bool gets_input(const Line& line) {
  while (!line.has_input()) {
    if (!can_read(line)) return false;
  }
  return true;
}

// ---- certificates

Identity::Identity(const CertificateWish& wish, const Identity* issuer, bool authority) {
  require_tls(gnutls_x509_privkey_init(&key_), "key");
  require_tls(gnutls_x509_privkey_generate(
                  key_, GNUTLS_PK_ECDSA,
                  static_cast<unsigned>(GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1)), 0),
              "generate");
  require_tls(gnutls_x509_crt_init(&certificate_), "certificate");
  gnutls_x509_crt_set_version(certificate_, 3);
  static unsigned char serial = 0;
  ++serial;
  gnutls_x509_crt_set_serial(certificate_, &serial, 1);
  gnutls_x509_crt_set_activation_time(certificate_, wish.not_before);
  gnutls_x509_crt_set_expiration_time(certificate_, wish.not_after);
  gnutls_x509_crt_set_key(certificate_, key_);
  gnutls_x509_crt_set_dn_by_oid(certificate_, GNUTLS_OID_X520_COMMON_NAME, 0,
                                wish.common_name.data(),
                                static_cast<unsigned>(wish.common_name.size()));
  for (const std::string& name : wish.names)
    gnutls_x509_crt_set_subject_alt_name(certificate_, GNUTLS_SAN_DNSNAME, name.data(),
                                         static_cast<unsigned>(name.size()), GNUTLS_FSAN_APPEND);
  for (const std::string& address : wish.addresses) {
    const auto bytes = address_bytes(address);
    gnutls_x509_crt_set_subject_alt_name(certificate_, GNUTLS_SAN_IPADDRESS, bytes.data(),
                                         static_cast<unsigned>(bytes.size()), GNUTLS_FSAN_APPEND);
  }
  gnutls_x509_crt_set_basic_constraints(certificate_, authority ? 1 : 0, -1);
  gnutls_x509_crt_set_key_usage(certificate_, authority ? unsigned{GNUTLS_KEY_KEY_CERT_SIGN}
                                                        : unsigned{GNUTLS_KEY_DIGITAL_SIGNATURE});
  const Identity& signer = issuer == nullptr ? *this : *issuer;
  require_tls(
      gnutls_x509_crt_sign2(certificate_, signer.certificate_, signer.key_, GNUTLS_DIG_SHA256, 0),
      "sign");
}

Identity::~Identity() {
  gnutls_x509_crt_deinit(certificate_);
  gnutls_x509_privkey_deinit(key_);
}

std::string Identity::pem() const {
  gnutls_datum_t text{};
  require_tls(gnutls_x509_crt_export2(certificate_, GNUTLS_X509_FMT_PEM, &text), "export");
  std::string pem(reinterpret_cast<const char*>(text.data), text.size);
  gnutls_free(text.data);
  return pem;
}

const Identity& authority() {
  static const Identity made({{}, {}, "a test authority"}, nullptr, true);
  return made;
}

const Identity& server_identity() {
  static const Identity made({}, &authority(), false);
  return made;
}

std::unique_ptr<Identity> signed_identity(const CertificateWish& wish) {
  return std::make_unique<Identity>(wish, &authority(), false);
}

TemporaryFile::TemporaryFile(std::string_view contents)
    : path_(sendonce::test::new_name(testing::TempDir(), "sendonce-net")) {
  std::ofstream file(file_path(path_), std::ios::binary);
  file << contents;
  file.close();
  require(file.good(), "write");
}

TemporaryFile::~TemporaryFile() {
  std::error_code ignored;
  std::filesystem::remove(file_path(path_), ignored);
}

TlsSettings client_settings() {
  static const TemporaryFile trust(authority().pem());
  TlsSettings settings;
  settings.host = "mail.example.org";
  settings.server = "mail.example.org:465";
  settings.trust_files = {trust.path()};
  return settings;
}

// ---- a TLS server

Equip shows(const Identity& identity) {
  return [&identity](gnutls_certificate_credentials_t credentials) {
    gnutls_x509_crt_t chain = identity.certificate();
    require_tls(gnutls_certificate_set_x509_key(credentials, &chain, 1, identity.key()), "key");
  };
}

std::string read_whole(const std::string& file) { return read_file(file).value_or(""); }

namespace {

// Not by set_x509_key_file, which would sort the chain and leave out what does not belong.
void set_as_it_is(gnutls_certificate_credentials_t credentials, std::string pem) {
  const gnutls_datum_t data{reinterpret_cast<unsigned char*>(pem.data()),
                            static_cast<unsigned>(pem.size())};
  std::array<gnutls_pcert_st, 8> chain{};
  unsigned count = chain.size();
  gnutls_privkey_t key = nullptr;
  require_tls(
      gnutls_pcert_list_import_x509_raw(chain.data(), &count, &data, GNUTLS_X509_FMT_PEM, 0),
      "chain");
  require_tls(gnutls_privkey_init(&key), "key");
  require_tls(gnutls_privkey_import_x509_raw(key, &data, GNUTLS_X509_FMT_PEM, nullptr, 0), "key");
  require_tls(gnutls_certificate_set_key(credentials, nullptr, 0, chain.data(),
                                         static_cast<int>(count), key),
              "chain and key");
}

// Unlike a file, it is sent however old or wrong it is.
int send_staple(gnutls_session_t, void* staple, gnutls_datum_t* into) {
  const auto& bytes = *static_cast<const std::string*>(staple);
  into->data = static_cast<unsigned char*>(gnutls_malloc(bytes.size()));
  into->size = static_cast<unsigned>(bytes.size());
  std::memcpy(into->data, bytes.data(), bytes.size());
  return 0;
}

}  // namespace

Equip serves(const std::string& pem_file, const std::string& staple) {
  const auto kept = std::make_shared<std::string>(staple);
  return [pem_file, kept](gnutls_certificate_credentials_t credentials) {
    set_as_it_is(credentials, read_whole(pem_file));
    if (!kept->empty())
      gnutls_certificate_set_ocsp_status_request_function(credentials, send_staple, kept.get());
  };
}

TlsPeer::TlsPeer(const Descriptor& socket, const Equip& equip, const char* priority,
                 bool byte_by_byte)
    : socket_(socket), byte_by_byte_(byte_by_byte) {
  require_tls(gnutls_certificate_allocate_credentials(&credentials_), "credentials");
  equip(credentials_);
  require_tls(gnutls_init(&session_, GNUTLS_SERVER), "init");
  require_tls(gnutls_priority_set_direct(session_, priority, nullptr), "priority");
  require_tls(gnutls_credentials_set(session_, GNUTLS_CRD_CERTIFICATE, credentials_), "set");
  require_tls(gnutls_session_ticket_enable_server(session_, &ticket_key()), "tickets");
  gnutls_transport_set_ptr(session_, this);
  gnutls_transport_set_push_function(session_, push_bytes);
  gnutls_transport_set_pull_function(session_, pull_bytes);
  gnutls_handshake_set_timeout(session_, 0);
}

TlsPeer::~TlsPeer() {
  gnutls_deinit(session_);
  gnutls_certificate_free_credentials(credentials_);
}

namespace {

// As recv and send tell it.
ssize_t as_call(gnutls_session_t session, const Moved& moved) {
  if (!moved.would_block && moved.error == 0) return static_cast<ssize_t>(moved.count);
  gnutls_transport_set_errno(session, moved.would_block ? EAGAIN : EIO);
  return -1;
}

}  // namespace

ssize_t TlsPeer::push_bytes(gnutls_transport_ptr_t self, const void* bytes, std::size_t size) {
  const auto& peer = *static_cast<TlsPeer*>(self);
  const std::size_t step = peer.byte_by_byte_ ? 1 : size;
  for (std::size_t at = 0; at < size; at += step) {
    const ssize_t count = as_call(
        peer.session_, send_some(peer.socket_.get(), {static_cast<const char*>(bytes) + at, step}));
    if (count < 0 || !peer.byte_by_byte_) return count;
  }
  return static_cast<ssize_t>(size);
}

ssize_t TlsPeer::pull_bytes(gnutls_transport_ptr_t self, void* into, std::size_t size) {
  const auto& peer = *static_cast<TlsPeer*>(self);
  return as_call(peer.session_, receive_some(peer.socket_.get(), {static_cast<char*>(into), size}));
}

int TlsPeer::handshake() {
  for (;;) {
    const int code = gnutls_handshake(session_);
    if (code == GNUTLS_E_SUCCESS || gnutls_error_is_fatal(code) != 0) return code;
  }
}

// Over TCP it may be under way, and wait until the other side asks whether there is room again.
bool TlsPeer::more_comes() const {
  Interest interest{socket_.get(), true};
  return poll_for({&interest, 1}, Deadline::after(Milliseconds(600)), nullptr) == Poll::ready;
}

ssize_t TlsPeer::read(std::string& into) {
  std::array<char, 16384> bytes{};
  for (;;) {
    const ssize_t count = gnutls_record_recv(session_, bytes.data(), bytes.size());
    if (count > 0) into.append(bytes.data(), static_cast<std::size_t>(count));
    if (count >= 0 || gnutls_error_is_fatal(static_cast<int>(count)) != 0) return count;
    if (count == GNUTLS_E_AGAIN && !waits_ && !more_comes()) return count;
  }
}

std::string TlsPeer::read_exactly(std::size_t count) {
  std::string text;
  while (text.size() < count && read(text) > 0) {
  }
  return text;
}

std::string TlsPeer::read_line() {
  std::string text;
  while (!text.ends_with('\n') && read(text) > 0) {
  }
  return text;
}

std::string TlsPeer::read_what_is_there() {
  set_blocking(socket_, false);
  waits_ = false;
  std::string text;
  while (read(text) > 0) {
  }
  set_blocking(socket_, true);
  waits_ = true;
  return text;
}

void TlsPeer::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = gnutls_record_send(session_, bytes.data(), bytes.size());
    require_tls(static_cast<int>(count), "record_send");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void TlsPeer::say_goodbye() { (void)gnutls_bye(session_, GNUTLS_SHUT_WR); }

TlsPair::TlsPair(Pair pair, const Equip& equip, const char* priority, const TlsSettings& settings,
                 bool byte_by_byte)
    : socket(std::move(pair.theirs)),
      peer(socket, equip, priority, byte_by_byte),
      line(std::move(pair.ours), make_wake()) {
  Running server([this] { (void)peer.handshake(); });
  status = line.start_tls(settings, soon());
  // A client that refused leaves the server waiting.
  if (!status) line.close();
}

Error failed_start(const std::function<void(Descriptor)>& server, Deadline deadline,
                   const TlsSettings& settings) {
  Pair sockets = tcp_pair();
  const Running peer([&server, &sockets] { server(std::move(sockets.theirs)); });
  Line line(std::move(sockets.ours), make_wake());
  const Status status = line.start_tls(settings, deadline);
  EXPECT_FALSE(status);
  EXPECT_FALSE(line.write("EHLO me\r\n", soon(), false));
  EXPECT_EQ(line.counters().would_block, 0U);
  return status ? Error{} : status.error();
}

std::string sample(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 12345;
  for (char& byte : bytes) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<char>(state >> 24U);
  }
  return bytes;
}

}  // namespace sendonce::net::test
