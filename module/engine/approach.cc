// See approach.hh.

#include "engine/approach.hh"

#include <algorithm>
#include <array>
#include <utility>

#include "base/clock.hh"
#include "engine/time_limits.hh"
#include "net/ask_port.hh"
#include "net/connect.hh"

namespace sendonce::engine {

namespace {

/// Lines that one approach may take: for a certificate, for each mechanism, for a user who is slow
/// to answer.
constexpr int most_lines = 12;

/// How long an open port may be silent before it is asked what it speaks, and how long it has to
/// say so.  Together they are the five seconds in which a wrong mode is to be noticed.
constexpr Milliseconds patience{2500};
constexpr Milliseconds answer_time{2000};

/// How long a port may take no connection before others of the host are tried; these are where mail
/// is taken from users (RFC 8314).
constexpr Milliseconds connect_patience{5000};
constexpr std::array<std::uint16_t, 2> submission_ports = {587, 465};

bool is_loopback(const std::string& peer) {
  return peer.rfind("127.", 0) == 0 || peer.rfind("[::1]", 0) == 0;
}

std::string_view kind_name(sasl::Needs kind) {
  return kind == sasl::Needs::token ? "token" : "password";
}

/// A user, or mechanisms that need none.
bool wants_sign_in(const Settings& settings) {
  const auto& wanted = settings.mechanisms;
  return !settings.user.empty() ||
         (!wanted.empty() && std::all_of(wanted.begin(), wanted.end(), [](const std::string& name) {
           return sasl::needs(name) == sasl::Needs::nothing;
         }));
}

Error at_phase(Cause cause, Phase phase, std::string message) {
  return Error{cause, phase, std::move(message), {}};
}

}  // namespace

Approach::Approach(Surroundings surroundings, Errand errand, const Settings& settings)
    : surroundings_(std::move(surroundings)),
      errand_(std::move(errand)),
      settings_(settings),
      findings_(surroundings_.outbox, settings.server()),
      tls_(settings.tls) {}

std::string Approach::mechanism() const {
  return sign_in_ ? sign_in_->mechanism() : kept_mechanism_;
}

void Approach::wipe() {
  if (sign_in_) sign_in_->wipe();
}

Error Approach::withdrawn() const {
  return at_phase(Cause::cancelled, Phase::none, "The attempt was withdrawn");
}

// --- lines that are kept

bool Approach::adopt(KeptLine line, bool probe) {
  errand_.wake = line.wake;
  kept_redactor_ = std::move(line.redactor);
  kept_mechanism_ = std::move(line.mechanism);
  messages_ = line.messages;
  errand_.transcript.redact_with(&*kept_redactor_);
  errand_.transcript.note("On the line that was kept, to " + line.dialogue.line().peer());
  line.dialogue.hand_to(errand_.transcript, errand_.watcher);
  dialogue_.emplace(std::move(line.dialogue));
  if (!probe && !line.quiet_for(probe_after)) return true;
  dialogue_->session().probe();
  dialogue_->hurry(probe_patience);
  if (converse()) {
    dialogue_->hurry(Seconds(0));
    return true;
  }
  errand_.transcript.note("It has ended; a new one is taken");
  let_go();
  return false;
}

/// Forgets a line that has died.
void Approach::let_go() {
  dialogue_.reset();
  errand_.transcript.redact_with(nullptr);
  kept_redactor_.reset();
  kept_mechanism_.clear();
  messages_ = 0;
}

Redactor Approach::take_redactor() {
  if (kept_redactor_) return std::move(*kept_redactor_);
  return sign_in_ ? sign_in_->take_redactor() : Redactor();
}

std::optional<KeptLine> Approach::release() {
  if (!dialogue_ || !dialogue_->quiet()) return std::nullopt;
  if (!has_room_after(0)) return std::nullopt;
  KeptLine line{std::move(*dialogue_), errand_.wake, take_redactor(), mechanism(), messages_,
                SteadyClock::now(),    wall_clock()};
  errand_.transcript.redact_with(nullptr);
  dialogue_.reset();
  return line;
}

bool Approach::has_room_after(std::size_t count) const {
  const std::uint64_t most = dialogue_->session().capabilities().mail_max;
  return most == 0 || static_cast<std::uint64_t>(messages_) + count < most;
}

const Redactor* Approach::redactor() const {
  if (sign_in_) return &sign_in_->redactor();
  return kept_redactor_ ? &*kept_redactor_ : nullptr;
}

// --- line after line

Status Approach::reach() {
  Status status = prepare();
  for (int lines = 1; status; ++lines) {
    status = take_line();
    if (status || lines == most_lines || !new_line_helps(status.error())) break;
    errand_.transcript.note(status.error().message + ": once more on a new line");
    status = Status{};
  }
  if (!status) return fail(explained(redacted(std::move(status.error()))));
  ready();
  return {};
}

Status Approach::prepare() {
  if (wants_sign_in(settings_)) {
    sign_in_.emplace(settings_, findings_, [this](sasl::Needs kind, const std::string& refusal) {
      return ask_secret(kind, refusal);
    });
    errand_.transcript.redact_with(&sign_in_->redactor());
    if (auto status = sign_in_->prepare(); !status) return status;
  }
  return find_out_tls();
}

Status Approach::take_line() {
  if (sign_in_) sign_in_->new_line();
  if (auto status = open_dialogue(); !status) return status;
  return converse();
}

void Approach::ready() {
  if (settings_.tls_unknown) findings_.set_tls_mode(tls_);
  if (!sign_in_) return;
  sign_in_->succeeded();
  sign_in_->wipe();
}

bool Approach::new_line_helps(const Error& error) {
  if (errand_.cancelled) return false;
  if (error.cause == Cause::certificate) return accepts_certificate();
  if (finds_out_anew(error)) return true;
  if (!sign_in_ || !dialogue_) return false;
  return sign_in_->line_died(error) != SignIn::NewLine::useless;
}

std::string Approach::redacted(std::string_view text) const {
  const Redactor* secrets = redactor();
  return secrets != nullptr ? secrets->redact(text) : std::string(text);
}

Error Approach::redacted(Error error) const {
  error.message = redacted(error.message);
  error.reply = redacted(error.reply);
  return error;
}

// --- which kind of TLS

/// Asks the port, once for each server, where the account leaves it open.
Status Approach::find_out_tls() {
  if (!settings_.tls_unknown) return {};
  if (const auto known = findings_.tls_mode()) {
    tls_ = *known;
    return {};
  }
  asked_port_ = true;
  tell(Phase::connect);
  auto heard =
      net::listen_at(settings_.host, settings_.port, Deadline::after(patience), *errand_.wake);
  if (!heard) return fail(heard.error());
  if (*heard == net::Speaks::silence) {
    heard =
        net::ask_for_tls(settings_.host, settings_.port,
                         Deadline::after(time_limit(Phase::tls, settings_.timeout)), *errand_.wake);
  }
  if (!heard) return fail(heard.error());
  tls_ = *heard == net::Speaks::tls ? smtp::TlsMode::implicit : smtp::TlsMode::starttls;
  errand_.transcript.note(settings_.server() + (tls_ == smtp::TlsMode::implicit
                                                    ? " speaks TLS from the start"
                                                    : " greets in the clear"));
  return {};
}

/// What was found out earlier holds no more.
bool Approach::finds_out_anew(const Error& error) {
  const bool otherwise = error.cause == Cause::not_tls || error.cause == Cause::implicit_tls ||
                         error.cause == Cause::tls_unavailable;
  if (!settings_.tls_unknown || asked_port_ || !otherwise) return false;
  findings_.forget_tls_mode();
  return find_out_tls().has_value();
}

/// The port accepts a connection and says nothing: does it wait for TLS?
std::optional<Error> Approach::ask_silent_port() {
  const auto heard =
      net::ask_for_tls(settings_.host, settings_.port, Deadline::after(answer_time), *errand_.wake);
  if (!heard || *heard != net::Speaks::tls) return std::nullopt;
  return at_phase(Cause::implicit_tls, Phase::greeting,
                  "Port " + std::to_string(settings_.port) + " of " + settings_.host +
                      " speaks TLS from the start, and was spoken to in the clear");
}

/// A server that breaks off when TLS is begun, without a word, may be one that greets in the clear.
Error Approach::explained(Error error) {
  if (error.cause == Cause::certificate && judged_) {
    const net::TlsInfo* info = dialogue_->line().tls_info();
    if (info && info->faults.empty()) {
      error.message = "the certificate of " + settings_.verified_host() +
                      " is sound, but Emacs' network security manager does not accept it";
    }
  }
  const bool at_tls = error.phase == Phase::tls && tls_ == smtp::TlsMode::implicit &&
                      (error.cause == Cause::connection_lost || error.cause == Cause::tls_failed);
  if (!at_tls || errand_.cancelled || dialogue_->line().counters().bytes_in > 0) return error;
  const auto heard =
      net::listen_at(settings_.host, settings_.port, Deadline::after(patience), *errand_.wake);
  if (!heard || *heard != net::Speaks::clear) return error;
  return at_phase(Cause::not_tls, Phase::tls,
                  "Port " + std::to_string(settings_.port) + " of " + settings_.host +
                      " greets in the clear, and was spoken to under TLS");
}

// --- one line

Result<net::Descriptor> Approach::connect() {
  tell(Phase::resolve);
  auto endpoints =
      net::resolve(settings_.host, settings_.port,
                   Deadline::after(time_limit(Phase::resolve, settings_.timeout)), *errand_.wake);
  if (!endpoints) return fail(endpoints.error());
  tell(Phase::connect);
  const auto order = net::interleave(std::move(*endpoints));
  const Deadline whole = Deadline::after(time_limit(Phase::connect, settings_.timeout));
  const Deadline soon = whole.earlier_of(Deadline::after(connect_patience));
  auto socket = net::connect_any(order, soon, *errand_.wake);
  // What another address has said by then is not the last word of a slow one.
  if (socket || !soon.passed() || whole.passed()) return socket;
  if (auto error = blocked_port()) return fail(std::move(*error));
  return net::connect_any(order, whole, *errand_.wake);
}

/// A port that does not answer where others of the same host do is blocked on the way, as providers
/// do with port 25.
std::optional<Error> Approach::blocked_port() {
  for (const std::uint16_t port : submission_ports) {
    if (port == settings_.port || errand_.cancelled) continue;
    const Deadline soon = Deadline::after(answer_time);
    auto endpoints = net::resolve(settings_.host, port, soon, *errand_.wake);
    if (!endpoints || !net::connect_any(*endpoints, soon, *errand_.wake)) continue;
    return at_phase(Cause::timed_out, Phase::connect,
                    "Port " + std::to_string(settings_.port) + " of " + settings_.host +
                        " does not answer, though port " + std::to_string(port) +
                        " does: it may be blocked on the way");
  }
  return std::nullopt;
}

net::TlsSettings Approach::tls_settings() {
  net::TlsSettings tls;
  tls.host = settings_.verified_host();
  tls.trust_files = settings_.trust_files;
  tls.priority = settings_.priority;
  tls.min_prime_bits = settings_.min_prime_bits;
  tls.server = settings_.server();
  tls.tickets = surroundings_.tickets;
  tls.client_key = settings_.client_key;
  tls.client_cert = settings_.client_cert;
  tls.pins = settings_.pins;
  tls.accepted_key = accepted_key_;
  tls.ask_key_secret = [this](const net::KeySecretRequest& request) {
    return ask_key_secret(request);
  };
  tls.stop_before_trust = settings_.ask_trust;
  return tls;
}

Status Approach::open_dialogue() {
  errand_.transcript.note("Connecting to " + settings_.server());
  auto socket = connect();
  if (!socket) return fail(socket.error());
  net::Line line(std::move(*socket), errand_.wake);
  errand_.transcript.note("Connected to " + line.peer());
  smtp::SessionOptions options{settings_.local_name, tls_,
                               sign_in_.has_value(), settings_.pipelining,
                               settings_.chunking,   settings_.window};
  dialogue_.emplace(std::move(line), std::move(options), tls_settings(), settings_.timeout,
                    errand_.transcript, errand_.watcher);
  if (tls_ != smtp::TlsMode::implicit)
    dialogue_->when_silent(patience, [this] { return ask_silent_port(); });
  return {};
}

Status Approach::converse() {
  for (;;) {
    const smtp::Output output = dialogue_->advance();
    if (std::holds_alternative<smtp::Ready>(output)) return {};
    if (auto status = decide(output); !status) return status;
  }
}

Status Approach::decide(const smtp::Output& output) {
  if (std::holds_alternative<smtp::NeedSignIn>(output)) return start_sign_in();
  if (const auto* challenge = std::get_if<smtp::Challenge>(&output)) {
    sign_in_->answer(dialogue_->session(), challenge->text);
  } else if (const auto* ended = std::get_if<smtp::SignInEnded>(&output)) {
    return after_sign_in(*ended);
  } else if (const auto* over = std::get_if<smtp::Ended>(&output)) {
    return fail(
        over->error.value_or(at_phase(Cause::connection_lost, Phase::none, "The session ended")));
  }
  return {};
}

// --- sign-in

bool Approach::is_private() const {
  return dialogue_->session().secure() || is_loopback(dialogue_->line().peer());
}

Status Approach::start_sign_in() {
  LineQuality quality;
  quality.private_line = is_private();
  if (auto binding = dialogue_->line().channel_binding())
    quality.binding = sasl::Binding{binding->type, std::move(binding->data)};
  auto status = sign_in_->start(dialogue_->session(), std::move(quality));
  errand_.transcript.redact_again();
  return status;
}

Status Approach::after_sign_in(const smtp::SignInEnded& ended) {
  if (auto status = sign_in_->ended(ended); !status) return status;
  if (!ended.accepted) return {};
  surroundings_.sink.post(SignedIn{errand_.entry, settings_.host, settings_.port, settings_.user});
  const std::string worse = findings_.downgrade();
  if (!worse.empty()) surroundings_.sink.post(Notice{worse});
  return {};
}

Result<Secret> Approach::ask_secret(sasl::Needs kind, const std::string& refusal) {
  tell(Phase::sign_in);
  auto answer = surroundings_.questions.ask(
      PasswordQuestion{errand_.entry, 0, settings_.host, settings_.port, settings_.user, refusal,
                       std::string(kind_name(kind))},
      errand_.cancelled);
  if (answer) return std::move(*answer);
  if (errand_.cancelled) return fail(withdrawn());
  if (!refusal.empty())
    return fail(Cause::auth_failed, Phase::sign_in, "The server refuses the sign-in", refusal);
  return fail(Cause::declined, Phase::sign_in,
              "No " + std::string(kind_name(kind)) + " for " + settings_.user + " at " +
                  settings_.server());
}

// --- trust

/// The passphrase of the client key's file, or the PIN of its token.
std::optional<Secret> Approach::ask_key_secret(const net::KeySecretRequest& request) {
  return surroundings_.questions.ask(
      PasswordQuestion{errand_.entry, 0, settings_.host, settings_.port, request.what,
                       request.refused ? "refused" : "", "key"},
      errand_.cancelled);
}

/// Puts the certificate to the user, once a key.  True: the server's key is accepted.
bool Approach::accepts_certificate() {
  const net::TlsInfo* info = dialogue_ ? dialogue_->line().tls_info() : nullptr;
  if (!info || info->chain.empty() || !settings_.pins.empty()) return false;
  if (info->chain.front().key_pin == accepted_key_) return false;
  judged_ = true;
  const auto answer = surroundings_.questions.ask(
      CertificateQuestion{errand_.entry, 0, settings_.verified_host(), settings_.port, *info},
      errand_.cancelled);
  if (!answer || answer->reveal() != "yes") return false;
  accepted_key_ = info->chain.front().key_pin;
  return true;
}

}  // namespace sendonce::engine
