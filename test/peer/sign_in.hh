// AUTH (RFC 4954), from the command to its final reply: PLAIN, LOGIN, EXTERNAL, XOAUTH2 and
// OAUTHBEARER by hand, the others by libgsasl (mechanism_server.hh).

#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "mechanism_server.hh"
#include "talk.hh"

namespace peer {

// What a sign-in depends on besides what the client says.
struct SignInGround {
  const std::map<std::string, std::string>& users;
  std::string realm;
  std::string digest_qop;         // what DIGEST-MD5 offers
  std::set<std::string> offered;  // mechanisms
  std::optional<TlsBinding> binding;
  bool certificate = false;  // the client has shown one
  // Asked with the mechanism whenever a response has come: has the scenario ended the exchange?
  std::function<bool(const std::string&)> interrupted;
};

class SignIn {
 public:
  SignIn(Talk& talk, SignInGround ground) : talk_(talk), ground_(std::move(ground)) {}

  // `argument` is what follows AUTH: mechanism and perhaps an initial response ("=" for empty).
  // Nullopt: the scenario has said what was to be said.
  std::optional<Reply> run(const std::string& argument);
  const std::string& user() const { return user_; }  // after a positive reply
  // A security layer was agreed on, which the peer does not have.
  bool layered() const { return layered_; }

 private:
  Reply carry_out(const std::string& initial);
  Reply plain(const std::string& initial);
  Reply login(const std::string& initial);
  Reply external(const std::string& initial);
  Reply xoauth2(const std::string& initial);
  Reply oauthbearer(const std::string& initial);
  Reply token_verdict(const std::string& name, const std::string& message,
                      const std::string& last_word);
  Reply by_library(const std::string& initial);
  std::string challenge(const MechanismServer& server) const;

  std::string ask(const std::string& challenge, const std::string& initial);
  Reply verdict(const std::string& name, const std::string& password);
  Reply signed_in(const std::string& name);

  Talk& talk_;
  SignInGround ground_;
  std::string mechanism_;
  std::string user_;
  bool layered_ = false;
};

}  // namespace peer
