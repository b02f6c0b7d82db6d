// Signing in during one attempt: which mechanism, which password, and when to stop trying.
//
// Owned by the delivery; no I/O of its own.  A mechanism that fails for its own reasons is followed
// by the next; a refused password is asked for again, and no credential is tried more than twice a
// send.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.hh"
#include "engine/settings.hh"
#include "sasl/mechanism.hh"
#include "smtp/session.hh"

namespace sendonce::engine {

class SignIn {
 public:
  SignIn(const Settings& settings, Secret password)
      : settings_(settings), password_(std::move(password)) {}

  /// On NeedSignIn: says AUTH with the next mechanism.  PRIVATE_LINE: nobody on the way can read
  /// it. Errors: auth_unavailable, auth_failed (with the server's last words), refused_for_now.
  Status start(smtp::Session& session, bool private_line);
  /// On Challenge.
  void answer(smtp::Session& session, const std::string& challenge);

  enum class After { next_mechanism, ask_password, stop };
  /// On a refusal: what comes next.
  After refused(const smtp::Reply& reply);
  /// A new password, after `ask_password`.
  void set_password(Secret password);
  /// The server's words about the last try, for the one who is asked again.
  [[nodiscard]] const std::string& refusal() const { return refusal_; }
  /// Forgets password and exchange.
  void wipe();

 private:
  [[nodiscard]] Error none_left(const smtp::Capabilities& offered, bool private_line) const;

  const Settings& settings_;
  Secret password_;
  std::unique_ptr<sasl::Exchange> exchange_;
  std::string mechanism_;
  std::vector<std::string> tried_;
  std::string refusal_;
  bool for_now_ = false;
  int passwords_tried_ = 0;
};

}  // namespace sendonce::engine
