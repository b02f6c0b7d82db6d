// Signing in during one attempt: which mechanism, which credential, and when to stop trying.
//
// Owned by the approach; no I/O of its own.  Lives over several lines: a mechanism that fails for
// its own reasons, or takes the line with it, is followed by the next, on a new line where need be.
// No credential is tried more than twice a send, lest an account be locked; a refused one is asked
// for anew once.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/redactor.hh"
#include "base/result.hh"
#include "engine/findings.hh"
#include "engine/settings.hh"
#include "sasl/exchange.hh"
#include "sasl/mechanism.hh"
#include "smtp/session.hh"

namespace sendonce::engine {

/// What the present line offers to a sign-in.
struct LineQuality {
  bool private_line = false;  ///< nobody on the way can read it
  std::optional<sasl::Binding> binding;
};

class SignIn {
 public:
  /// Gets a password or a token; REFUSAL: what the server said to the last one, "" for none yet.
  using Ask = std::function<Result<Secret>(sasl::Needs kind, const std::string& refusal)>;

  SignIn(const Settings& settings, Findings& findings, Ask ask);

  /// Before the line is opened: asks for what was needed last time.  Where that is not known it is
  /// asked for when it is needed: a server may turn out not to be there, not to be trusted, or to
  /// want nothing.  Errors: those of Ask.
  Status prepare();
  void new_line();
  /// On NeedSignIn: says AUTH with the next mechanism.  Errors: auth_unavailable, auth_failed (with
  /// the server's last words), refused_for_now, those of Ask.
  Status start(smtp::Session& session, LineQuality quality);
  /// On Challenge.
  void answer(smtp::Session& session, const std::string& challenge);
  /// On SignInEnded.  After a refusal `start` goes on.  Errors: as for `start`, where nothing is
  /// left; auth_failed, too, if the server says yes before it has proved that it knows the
  /// password.
  Status ended(const smtp::SignInEnded& ended);
  /// The line is ready for a message: what worked is remembered.
  void succeeded();
  /// The line died by ERROR: what a new line would be good for.  `next`: the mechanism in course is
  /// to blame, and is passed over from now on; `again`: it died of something else.
  enum class NewLine { useless, next, again };
  NewLine line_died(const Error& error);

  /// The mechanism last tried, or that the line was signed in by.
  [[nodiscard]] const std::string& mechanism() const { return mechanism_; }
  /// Knows every secret that was used.
  [[nodiscard]] const Redactor& redactor() const { return redactor_; }
  /// For a line that outlives the sign-in.
  [[nodiscard]] Redactor take_redactor() { return std::move(redactor_); }
  /// Forgets secret and exchange.
  void wipe();

 private:
  enum class Stage { none, under_way, accepted };

  [[nodiscard]] sasl::Choice choice(const smtp::Capabilities& offered,
                                    const LineQuality& quality) const;
  std::optional<std::string> next(const smtp::Capabilities& offered, const LineQuality& quality);
  Status have_secret(sasl::Needs kind);
  Status renew_secret();
  Result<std::optional<Secret>> begin_exchange(const smtp::Capabilities& offered,
                                               const LineQuality& quality);
  void mechanism_failed(const std::string& why);
  Status refused(const smtp::Reply& reply);
  void credential_refused();
  [[nodiscard]] bool fits_account(const std::string& mechanism) const;
  [[nodiscard]] Error none_left(const smtp::Capabilities& offered,
                                const LineQuality& quality) const;

  const Settings& settings_;
  Findings& findings_;
  Ask ask_;
  Secret secret_;
  Redactor redactor_;  // outlives `wipe`: a server may say a secret back at any time
  sasl::Needs kind_ = sasl::Needs::nothing;  // of secret_
  std::unique_ptr<sasl::Exchange> exchange_;
  std::string mechanism_;
  Stage stage_ = Stage::none;
  bool spoilt_ = false;               // the line waited for the user, or heard a refusal: should it
                                      // die now, the mechanism at hand is not to blame
  bool gave_up_ = false;              // we did, in the exchange at hand
  bool spent_ = false;                // the credential at hand: not to be tried any more
  std::vector<std::string> faulty_;   // mechanisms that failed for their own reasons
  std::vector<std::string> tried_;    // with the credential at hand, and refused
  std::string refusal_;               // what was said last
  std::vector<std::string> unlucky_;  // proven ones whose line died: passed over, not blamed
  std::optional<Error> death_;        // of the last line that a mechanism took with it
  bool distrusted_ = false;           // the server said yes without the proof it owes
  int drops_ = 0;                     // lines that ended while the credential was being tried
  std::string died_at_;               // the mechanism whose line died last
  int tries_ = 0;                     // of the credential at hand
  int secrets_ = 0;                   // that were asked for
};

}  // namespace sendonce::engine
