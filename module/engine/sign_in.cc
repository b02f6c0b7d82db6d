// See sign_in.hh.

#include "engine/sign_in.hh"

#include <algorithm>
#include <utility>

namespace sendonce::engine {

namespace {

constexpr int most_tries = 2;    // of one credential
constexpr int most_secrets = 2;  // in one send
constexpr int most_drops = 3;    // lines that a server ends in mid-sign-in, in one send

using sasl::Needs;

/// Does REPLY speak of the mechanism, not of the credential?  (RFC 4954 section 6; 501 answers
/// "*".)
bool about_mechanism(const smtp::Reply& reply) {
  return reply.code == 504 || reply.code == 538 || reply.code == 501 || reply.code == 432;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
  return text;
}

}  // namespace

SignIn::SignIn(const Settings& settings, Findings& findings, Ask ask)
    : settings_(settings), findings_(findings), ask_(std::move(ask)) {}

// --- the credential

Status SignIn::prepare() {
  const std::string usual = findings_.usual();
  return usual.empty() || !fits_account(usual) ? Status{} : have_secret(sasl::needs(usual));
}

/// What is usual at a server may be so for another account: a token is wanted only where it is
/// named.
bool SignIn::fits_account(const std::string& mechanism) const {
  const std::vector<std::string>& wanted = settings_.mechanisms;
  if (!settings_.client_key.empty()) return false;  // it may need none
  if (wanted.empty()) return sasl::needs(mechanism) != Needs::token;
  return std::find(wanted.begin(), wanted.end(), mechanism) != wanted.end();
}

/// Asks unless one of that KIND is at hand.
Status SignIn::have_secret(Needs kind) {
  if (kind == Needs::nothing || (kind_ == kind && !secret_.empty())) return {};
  auto secret = ask_(kind, refusal_);
  if (!secret) return fail(secret.error());
  secret_ = std::move(*secret);
  redactor_.add(secret_);
  kind_ = kind;
  tries_ = 0;
  ++secrets_;
  spoilt_ = true;
  return {};
}

/// In place of one that was refused.
Status SignIn::renew_secret() {
  if (secrets_ >= most_secrets)
    return fail(Cause::auth_failed, Phase::sign_in, "The server refuses the sign-in", refusal_);
  secret_ = Secret();
  spent_ = false;
  tried_.clear();
  return have_secret(kind_);
}

// --- the mechanism

sasl::Choice SignIn::choice(const smtp::Capabilities& offered, const LineQuality& quality) const {
  sasl::Choice choice;
  choice.offered = offered.mechanisms;
  choice.wanted = settings_.mechanisms;
  choice.tried = faulty_;
  choice.tried.insert(choice.tried.end(), tried_.begin(), tried_.end());
  choice.tried.insert(choice.tried.end(), unlucky_.begin(), unlucky_.end());
  choice.plain_text_allowed = quality.private_line || settings_.plain_sign_in;
  choice.certificate = !settings_.client_key.empty();
  choice.binding = quality.binding.has_value();
  return choice;
}

/// One that is known not to work there is used only where nothing else is left.
std::optional<std::string> SignIn::next(const smtp::Capabilities& offered,
                                        const LineQuality& quality) {
  sasl::Choice careful = choice(offered, quality);
  for (const std::string& name : findings_.avoid()) careful.tried.push_back(name);
  if (auto chosen = sasl::choose(careful)) return chosen;
  return sasl::choose(choice(offered, quality));
}

Result<std::optional<Secret>> SignIn::begin_exchange(const smtp::Capabilities& offered,
                                                     const LineQuality& quality) {
  sasl::Credentials credentials;
  credentials.user = settings_.user;
  credentials.password = secret_.copy();
  credentials.host = settings_.host;
  credentials.port = settings_.port;
  credentials.binding = quality.binding ? &*quality.binding : nullptr;
  credentials.plus_offered =
      std::any_of(offered.mechanisms.begin(), offered.mechanisms.end(),
                  [](const std::string& name) { return name.ends_with("-PLUS"); });
  auto exchange = sasl::Exchange::begin(mechanism_, credentials);
  if (!exchange) return fail(exchange.error());
  exchange_ = std::move(*exchange);
  return exchange_->first();
}

Status SignIn::start(smtp::Session& session, LineQuality quality) {
  const smtp::Capabilities& offered = session.capabilities();
  findings_.offered(offered.mechanisms, quality.private_line);
  for (;;) {
    const bool refused = kind_ != Needs::nothing && !tried_.empty();
    if (spent_ || (refused && !next(offered, quality))) {
      if (auto status = renew_secret(); !status) return status;
    }
    const auto chosen = next(offered, quality);
    if (!chosen) return fail(none_left(offered, quality));
    mechanism_ = *chosen;
    if (auto status = have_secret(sasl::needs(mechanism_)); !status) return status;
    auto first = begin_exchange(offered, quality);
    auto name = smtp::MechanismName::parse(mechanism_);
    if (!name) return fail(name.error());
    if (first) {
      stage_ = Stage::under_way;
      session.authenticate(*name, *first, !findings_.proven(mechanism_));
      return {};
    }
    if (first.error().cause == Cause::bad_argument) return fail(first.error());
    mechanism_failed(first.error().message);
  }
}

void SignIn::mechanism_failed(const std::string& why) {
  exchange_.reset();
  stage_ = Stage::none;
  faulty_.push_back(mechanism_);
  refusal_ = mechanism_ + ": " + why;
}

void SignIn::answer(smtp::Session& session, const std::string& challenge) {
  spoilt_ = false;
  const auto response = exchange_->respond(challenge);
  if (response) return session.respond(*response);
  refusal_ = mechanism_ + ": " + response.error().message;
  gave_up_ = true;
  session.abort_auth();
}

// --- the server's word

Status SignIn::ended(const smtp::SignInEnded& ended) {
  spoilt_ = false;
  if (!ended.accepted) return refused(ended.reply);
  stage_ = Stage::accepted;
  if (exchange_->complete()) return {};
  distrusted_ = true;
  return fail(Cause::auth_failed, Phase::sign_in,
              "The server says that you are signed in, but has not proved by " + mechanism_ +
                  " that it knows your password");
}

Status SignIn::refused(const smtp::Reply& reply) {
  const std::string words = exchange_->server_words();
  const bool ours = std::exchange(gave_up_, false) && words.empty();
  death_.reset();
  stage_ = Stage::none;
  spoilt_ = true;
  exchange_.reset();
  if (!ours)
    refusal_ = redactor_.redact(reply.summary() + (words.empty() ? "" : " (" + words + ")"));
  if (reply.reply_class() == 4 && !about_mechanism(reply)) {
    return fail(Cause::refused_for_now, Phase::sign_in, "The server cannot sign you in for now",
                refusal_);
  }
  if (ours || (about_mechanism(reply) && words.empty())) {
    faulty_.push_back(mechanism_);
  } else {
    credential_refused();
  }
  return {};
}

/// The same credential may be tried once more where the refusal can be due to how the server keeps
/// passwords, or to what it thinks of the mechanism; else a new one is asked for.
void SignIn::credential_refused() {
  tried_.push_back(mechanism_);
  ++tries_;
  const bool secretless = sasl::needs(mechanism_) == Needs::nothing;
  const bool once_more = sasl::checks_stored_hash(mechanism_) || refusal_.starts_with("534");
  spent_ = !secretless && !(once_more && tries_ < most_tries);
}

void SignIn::succeeded() {
  if (stage_ != Stage::accepted) return;
  std::vector<std::string> failed = faulty_;
  failed.insert(failed.end(), tried_.begin(), tried_.end());
  findings_.signed_in(mechanism_, failed);
}

void SignIn::new_line() {
  spoilt_ = false;
  stage_ = Stage::none;
}

SignIn::NewLine SignIn::line_died(const Error& error) {
  const bool died = error.cause == Cause::connection_lost || error.cause == Cause::tls_failed ||
                    error.cause == Cause::protocol || stage_ == Stage::accepted ||
                    (spoilt_ && error.reply.starts_with("421"));  // it was kept waiting
  // Who has not proved that it knows the password is not given it by another mechanism.
  if (!died || stage_ == Stage::none || distrusted_) return NewLine::useless;
  // It may be the credential that the server answers so; too many tries would lock the account.
  if (stage_ == Stage::under_way && ++drops_ >= most_drops) return NewLine::useless;
  if (spoilt_) {
    stage_ = Stage::none;
    return NewLine::again;
  }
  // Lines die of other things, too: once is no proof, and what has worked before is not to blame.
  if (std::exchange(died_at_, mechanism_) != mechanism_) {
    stage_ = Stage::none;
    return NewLine::again;
  }
  death_ = error;
  const bool proven = findings_.proven(mechanism_);
  mechanism_failed(error.message);
  if (proven) {
    unlucky_.push_back(faulty_.back());
    faulty_.pop_back();
  }
  return NewLine::next;
}

void SignIn::wipe() {
  exchange_.reset();
  secret_ = Secret();
}

Error SignIn::none_left(const smtp::Capabilities& offered, const LineQuality& quality) const {
  // A server that ends the line at each mechanism says nothing about the password.
  if (death_ && death_->cause == Cause::auth_failed) return *death_;
  if (death_) {
    return {death_->cause, Phase::sign_in,
            "The server offers no way to sign in after which it goes on (" + refusal_ + ")",
            death_->reply};
  }
  if (!refusal_.empty())
    return {Cause::auth_failed, Phase::sign_in, "The server refuses the sign-in", refusal_};
  const bool in_the_clear = !quality.private_line && !settings_.plain_sign_in;
  std::string why;
  if (!offered.offers_auth()) {
    why = offered.starttls ? "The server offers sign-in only under TLS"
                           : "The server offers no sign-in here";
  } else if (!settings_.mechanisms.empty()) {
    why = "The server does not offer the way to sign in that the account wants (" +
          joined(settings_.mechanisms) + "; it offers " + joined(offered.mechanisms) + ")";
  } else if (in_the_clear) {
    why =
        "The server offers no way to sign in that hides the password, and the line is not under "
        "TLS (it offers " +
        joined(offered.mechanisms) + ")";
  } else {
    why = "The server offers no way to sign in that can be used (it offers " +
          joined(offered.mechanisms) + ")";
  }
  return {Cause::auth_unavailable, Phase::sign_in, std::move(why), {}};
}

}  // namespace sendonce::engine
