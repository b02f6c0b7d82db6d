// See tls_session.hh.

#include "net/tls_session.hh"

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <iterator>
#include <utility>

#include "net/address.hh"
#include "net/host_name.hh"
#include "net/tls_certificate.hh"
#include "net/tls_client_key.hh"
#include "net/tls_credentials.hh"
#include "net/tls_describe.hh"
#include "net/tls_handles.hh"
#include "net/tls_names.hh"
#include "net/tls_policy.hh"
#include "net/tls_priority.hh"
#include "net/tls_verify.hh"
#include "net/tls_words.hh"

namespace sendonce::net {

namespace {

constexpr std::size_t record_size = 16384;  // RFC 8446 section 5.1
constexpr std::size_t batch_records = 8;    // 128 KB a send; more gains nothing on loopback

// None with a client certificate: a resumed session stands for the identity that was shown when the
// ticket was given, and the store knows servers only.
bool keeps_tickets(const TlsSettings& settings) {
  return settings.tickets != nullptr && settings.client_key.empty();
}

// A resumed session is judged anew, but what was stapled to the first one is not seen again.  So a
// ticket serves only the rule that it was taken under.
std::string ticket_name(const TlsSettings& settings) {
  std::string name = settings.server;
  for (const std::string& pin : settings.pins) name += " pin " + pin;
  if (!settings.accepted_key.empty()) name += " accepted " + settings.accepted_key;
  return name;
}

}  // namespace

// ---- the buffers

std::span<char> TlsInput::space() noexcept {
  begin_ = end_ = 0;
  return bytes_;
}

void TlsInput::filled(std::size_t count) noexcept { end_ = std::min(count, bytes_.size()); }

std::size_t TlsInput::take(std::span<char> into) noexcept {
  const std::size_t count = std::min(into.size(), end_ - begin_);
  std::copy_n(bytes_.data() + begin_, count, into.data());
  begin_ += count;
  return count;
}

void TlsOutput::mark_record(std::size_t plain) {
  records_.push_back({bytes_.size(), plain});
  unsent_plain_ += plain;
}

std::size_t TlsOutput::sent(std::size_t count) {
  sent_ += count;
  std::size_t plain = 0;
  for (; !records_.empty() && records_.front().end <= sent_; records_.pop_front())
    plain += records_.front().plain;
  unsent_plain_ -= plain;
  if (sent_ == bytes_.size()) {
    bytes_.clear();
    sent_ = 0;
  }
  return plain;
}

// ---- what GnuTLS calls

// An exception must not cross GnuTLS' C frames; the only one possible is of memory.
struct TlsCallbacks {
  static ssize_t pull(gnutls_transport_ptr_t self, void* into, std::size_t size) {
    auto& session = *static_cast<TlsSession*>(self);
    const std::size_t count = session.input_.take({static_cast<char*>(into), size});
    if (count > 0 || session.input_.ended()) return static_cast<ssize_t>(count);
    gnutls_transport_set_errno(session.session_, EAGAIN);
    return -1;
  }

  static int pull_timeout(gnutls_transport_ptr_t self, unsigned int /*milliseconds*/) {
    const auto& session = *static_cast<TlsSession*>(self);
    return !session.input_.empty() || session.input_.ended() ? 1 : 0;
  }

  static ssize_t push(gnutls_transport_ptr_t self, const giovec_t* pieces, int count) {
    auto& session = *static_cast<TlsSession*>(self);
    try {
      std::size_t total = 0;
      for (const giovec_t& piece : std::span(pieces, static_cast<std::size_t>(count))) {
        session.output_.append({static_cast<const char*>(piece.iov_base), piece.iov_len});
        total += piece.iov_len;
      }
      return static_cast<ssize_t>(total);
    } catch (const std::exception&) {
      gnutls_transport_set_errno(session.session_, ENOMEM);
      return -1;
    }
  }

  // Asked before a client certificate goes out; anything but 0 ends the handshake.
  static int judge(gnutls_session_t handle) {
    auto& session = *static_cast<TlsSession*>(gnutls_session_get_ptr(handle));
    try {
      session.refusal_ = session.judge();
      session.forget_null_cipher();
      return session.refusal_ ? -1 : 0;
    } catch (const std::exception&) {
      return -1;
    }
  }

  static int ticket_came(gnutls_session_t handle, unsigned int /*type*/, unsigned int /*when*/,
                         unsigned int incoming, const gnutls_datum_t* /*message*/) {
    auto& session = *static_cast<TlsSession*>(gnutls_session_get_ptr(handle));
    if (incoming != 0) session.ticket_came_ = true;
    return 0;
  }
};

// ---- setting up

TlsSession::TlsSession(const TlsSettings& settings) : settings_(settings) {}

TlsSession::~TlsSession() {
  if (session_ != nullptr) gnutls_deinit(session_);
}

Result<std::unique_ptr<TlsSession>> TlsSession::make(const TlsSettings& settings) {
  auto host = comparable_host(settings.host);
  if (!host) return fail(std::move(host.error()));
  if (Status status = check_pins(settings); !status) return fail(std::move(status.error()));
  auto credentials = credentials_for(settings);
  if (!credentials) return fail(std::move(credentials.error()));
  std::unique_ptr<TlsSession> made(new TlsSession(settings));
  made->host_ = std::move(*host);
  made->credentials_ = std::move(*credentials);
  if (Status status = made->set_up(); !status) return fail(std::move(status.error()));
  return made;
}

Status TlsSession::set_up() {
  const int made = gnutls_init(&session_, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
  if (made < 0) return fail(tls_error(session_, made));
  if (Status status = set_priority(session_, settings_.priority); !status) return status;
  const int set = gnutls_credentials_set(session_, GNUTLS_CRD_CERTIFICATE, credentials_->get());
  if (set < 0) return fail(tls_error(session_, set));
  if (settings_.min_prime_bits > 0) gnutls_dh_set_prime_bits(session_, settings_.min_prime_bits);
  if (!settings_.client_key.empty())
    gnutls_session_set_verify_function(session_, TlsCallbacks::judge);
  set_transport();
  set_name();
  offer_ticket();
  return {};
}

void TlsSession::set_transport() {
  gnutls_session_set_ptr(session_, this);
  gnutls_transport_set_ptr(session_, this);
  gnutls_transport_set_pull_function(session_, TlsCallbacks::pull);
  gnutls_transport_set_pull_timeout_function(session_, TlsCallbacks::pull_timeout);
  gnutls_transport_set_vec_push_function(session_, TlsCallbacks::push);
  gnutls_handshake_set_hook_function(session_, GNUTLS_HANDSHAKE_NEW_SESSION_TICKET,
                                     GNUTLS_HOOK_POST, TlsCallbacks::ticket_came);
}

// RFC 6066 section 3: no literal addresses in SNI.  If GnuTLS cannot send the name, the handshake
// goes on without it, and verification is as strict as ever.
void TlsSession::set_name() {
  if (address_bytes(host_).empty())
    (void)gnutls_server_name_set(session_, GNUTLS_NAME_DNS, host_.data(), host_.size());
}

// ---- resumption

// A ticket that GnuTLS does not take is dropped: a full handshake follows.
void TlsSession::offer_ticket() {
  if (!keeps_tickets(settings_)) return;
  const Secret ticket = settings_.tickets->take(ticket_name(settings_));
  if (!ticket.empty())
    (void)gnutls_session_set_data(session_, ticket.reveal().data(), ticket.size());
}

void TlsSession::keep_ticket() {
  ticket_came_ = false;
  if (!keeps_tickets(settings_)) return;
  Datum data;
  if (gnutls_session_get_data2(session_, data.out()) < 0) return;
  settings_.tickets->put(ticket_name(settings_), Secret(data.view()));
}

// ---- the handshake

Result<TlsSession::Step> TlsSession::handshake() {
  for (;;) {
    const int code = gnutls_handshake(session_);
    if (code == GNUTLS_E_SUCCESS) return Step::done;
    const bool again = code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED;
    if (again && input_.empty() && !input_.ended()) return Step::needs_input;
    // A short prime, say, is not "fatal" to GnuTLS, yet there is no going on.
    if (again || code == GNUTLS_E_WARNING_ALERT_RECEIVED) continue;
    Error error = refusal_ ? *refusal_ : tls_error(session_, code);
    (void)gnutls_alert_send_appropriate(session_, code);
    return fail(std::move(error));
  }
}

void TlsSession::describe() {
  info_ = describe_session(session_);
  const std::vector<Certificate> chain = server_chain(session_);
  for (const Certificate& certificate : chain)
    info_.chain.push_back(describe_certificate(certificate));
  if (!info_.chain.empty()) info_.certificate = info_.chain.front();
  if (settings_.pins.empty()) {
    auto [faults, warnings] =
        certificate_findings(session_, chain, host_, credentials_->authorities());
    info_.faults = std::move(faults);
    info_.warnings = std::move(warnings);
  } else if (auto fault = pin_fault(settings_, info_.certificate.key_pin)) {
    info_.faults = {std::move(*fault)};
    info_.warnings = {"invalid"};
  }
}

std::optional<Error> TlsSession::judge() {
  describe();
  // GnuTLS lets the groups of RFC 7919 pass, however short.
  if (info_.prime_bits > 0 && info_.prime_bits < static_cast<int>(settings_.min_prime_bits))
    return short_prime(session_);
  return objection(settings_, info_);
}

// Up to TLS 1.2 what is agreed is not yet in use when the certificate comes; "NULL" would look like
// a fault of the server's.
void TlsSession::forget_null_cipher() {
  if (gnutls_cipher_get(session_) != GNUTLS_CIPHER_NULL) return;
  info_.cipher_name.clear();
  info_.mac.clear();
}

Status TlsSession::verify() {
  if (auto refusal = judge()) {
    (void)gnutls_alert_send(session_, GNUTLS_AL_FATAL, GNUTLS_A_BAD_CERTIFICATE);
    return fail(std::move(*refusal));
  }
  // Under TLS 1.3 tickets come later, in records of their own.
  if (gnutls_protocol_get_version(session_) < GNUTLS_TLS1_3) keep_ticket();
  return {};
}

std::optional<ChannelBinding> TlsSession::channel_binding() const { return binding_of(session_); }

// ---- application data

Result<TlsSession::Received> TlsSession::receive(std::span<char> into) {
  using Kind = Received::Kind;
  for (;;) {
    const ssize_t count = gnutls_record_recv(session_, into.data(), into.size());
    if (ticket_came_) keep_ticket();
    if (count > 0) return Received{Kind::data, static_cast<std::size_t>(count)};
    if (count == 0) return Received{Kind::closed, 0};
    const int code = static_cast<int>(count);
    // GnuTLS says "again" after each record that is not data (tickets, key updates), too.
    const bool again = code == GNUTLS_E_AGAIN || code == GNUTLS_E_INTERRUPTED;
    if (again && input_.empty() && !input_.ended()) return Received{Kind::needs_input, 0};
    if (code == GNUTLS_E_PREMATURE_TERMINATION) return Received{Kind::truncated, 0};
    if (code == GNUTLS_E_REHANDSHAKE)  // TLS 1.2: declined, as RFC 5246 section 7.2.2 allows
      (void)gnutls_alert_send(session_, GNUTLS_AL_WARNING, GNUTLS_A_NO_RENEGOTIATION);
    else if (gnutls_error_is_fatal(code) != 0)
      return fail(tls_error(session_, code));
  }
}

Result<std::size_t> TlsSession::seal(std::string_view bytes) {
  std::size_t taken = 0;
  for (std::size_t record = 0; record < batch_records && taken < bytes.size(); ++record) {
    const std::string_view part = bytes.substr(taken, record_size);
    const ssize_t count = gnutls_record_send(session_, part.data(), part.size());
    if (count < 0) return fail(tls_error(session_, static_cast<int>(count)));
    output_.mark_record(static_cast<std::size_t>(count));
    taken += static_cast<std::size_t>(count);
  }
  return taken;
}

void TlsSession::say_goodbye() noexcept { (void)gnutls_bye(session_, GNUTLS_SHUT_WR); }

}  // namespace sendonce::net
