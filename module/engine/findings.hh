// What earlier attempts have found out about a server, kept in the outbox.
//
// Owned by an approach, one thread.  Read when it begins, written when something has changed (each
// write is a commit).  What was found about mechanisms holds as long as the server offers the same
// ones: a new offer is a new server.  Never a secret, never a user's name.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "outbox/outbox.hh"
#include "smtp/session.hh"

namespace sendonce::engine {

class Findings {
 public:
  /// Of SERVER, "host:port".  An outbox that cannot be read counts as one that knows nothing.
  Findings(outbox::Outbox& outbox, std::string server);

  /// The server offers MECHANISMS (upper case, in any order) for sign-in, over a line that is
  /// private or not: what was found about another offer is forgotten.
  void offered(const std::vector<std::string>& mechanisms, bool private_line);
  /// Mechanisms that do not work there though offered.
  [[nodiscard]] const std::vector<std::string>& avoid() const { return avoid_; }
  /// Has a line outlived a sign-in by MECHANISM?
  [[nodiscard]] bool proven(std::string_view mechanism) const;

  /// By which mechanism a sign-in there went well last; "" if none has.
  std::string usual();

  /// A sign-in by MECHANISM went well, after FAILED ones had not, with the same credential.
  void signed_in(const std::string& mechanism, const std::vector<std::string>& failed);
  /// In words, what the server offers less of than it did: "" for nothing.  To be asked after
  /// `offered`; what it tells is then the new measure.
  std::string downgrade();

  /// What the port speaks, for an account that leaves it open.
  [[nodiscard]] std::optional<smtp::TlsMode> tls_mode();
  void set_tls_mode(smtp::TlsMode mode);
  void forget_tls_mode();

 private:
  std::string read(std::string_view key);
  void write(std::string_view key, std::string_view value);
  [[nodiscard]] std::string best() const;

  outbox::Outbox& outbox_;
  std::string server_;
  std::string place_;  // "clear" or "private": the two offers are different things
  std::vector<std::string> offered_;
  std::vector<std::string> avoid_;
  std::vector<std::string> proven_;
};

}  // namespace sendonce::engine
