// See sign_in.hh.

#include "engine/sign_in.hh"

#include <utility>

namespace sendonce::engine {

namespace {

constexpr int most_passwords = 2;

/// Does REPLY speak of the mechanism, not of the password?  (RFC 4954 section 6; 501 answers "*".)
bool about_mechanism(const smtp::Reply& reply) {
  return reply.code == 504 || reply.code == 534 || reply.code == 538 || reply.code == 501 ||
         reply.code == 432;
}

}  // namespace

Status SignIn::start(smtp::Session& session, bool private_line) {
  const auto chosen = sasl::choose({.offered = session.capabilities().mechanisms,
                                    .wanted = settings_.mechanisms,
                                    .tried = tried_,
                                    .plain_text_allowed = private_line || settings_.plain_sign_in});
  if (!chosen || for_now_) return fail(none_left(session.capabilities(), private_line));
  mechanism_ = *chosen;
  auto exchange = sasl::Exchange::begin(mechanism_, {.user = settings_.user,
                                                     .password = password_.copy(),
                                                     .host = settings_.verified_host(),
                                                     .port = settings_.port});
  if (!exchange) return fail(exchange.error());
  exchange_ = std::move(*exchange);
  auto first = exchange_->first();
  if (!first) return fail(first.error());
  auto name = smtp::MechanismName::parse(mechanism_);
  if (!name) return fail(name.error());
  session.authenticate(*name, *first);
  return {};
}

void SignIn::answer(smtp::Session& session, const std::string& challenge) {
  const auto response = exchange_->respond(challenge);
  if (response) return session.respond(*response);
  session.abort_auth();
}

SignIn::After SignIn::refused(const smtp::Reply& reply) {
  refusal_ = reply.summary();
  exchange_.reset();
  for_now_ = reply.reply_class() == 4 && !about_mechanism(reply);
  if (for_now_) return After::stop;
  if (about_mechanism(reply)) {
    tried_.push_back(mechanism_);
    return After::next_mechanism;
  }
  ++passwords_tried_;
  return passwords_tried_ < most_passwords ? After::ask_password : After::stop;
}

void SignIn::set_password(Secret password) { password_ = std::move(password); }

void SignIn::wipe() {
  exchange_.reset();
  password_ = Secret();
}

Error SignIn::none_left(const smtp::Capabilities& offered, bool private_line) const {
  if (for_now_) {
    return {Cause::refused_for_now, Phase::sign_in, "The server cannot sign you in for now",
            refusal_};
  }
  if (!refusal_.empty())
    return {Cause::auth_failed, Phase::sign_in, "The server refuses the sign-in", refusal_};
  if (!offered.offers_auth()) {
    return {Cause::auth_unavailable, Phase::sign_in, "The server offers no sign-in here", {}};
  }
  std::string names;
  for (const std::string& name : offered.mechanisms) names += (names.empty() ? "" : " ") + name;
  const std::string why =
      private_line || settings_.plain_sign_in
          ? "The server offers no way to sign in that can be used"
          : "The server offers no way to sign in that hides the password, and the line is "
            "not under TLS";
  return {Cause::auth_unavailable, Phase::sign_in, why + " (it offers " + names + ")", {}};
}

}  // namespace sendonce::engine
