#include "sign_in.hh"

#include "base64.hh"
#include "envelope.hh"

namespace peer {
namespace {

Reply refusal() { return {535, "5.7.8", "Authentication credentials invalid"}; }

struct Interrupted {};  // by the scenario

// Strict base64; throws the reply that goes to the client.
std::string decode(const std::string& text) {
  auto bytes = base64_decode(text);
  if (!bytes) throw Reply{501, "5.5.2", "Not base64"};
  return std::move(*bytes);
}

// What is between `before` and `after` in `text`; empty if they are not there.
std::string between(const std::string& text, const std::string& before, const std::string& after) {
  const std::size_t from = text.find(before);
  if (from == std::string::npos) return {};
  const std::size_t start = from + before.size();
  const std::size_t end = text.find(after, start);
  return end == std::string::npos ? "" : text.substr(start, end - start);
}

// The security layer that a DIGEST-MD5 response asks for, beyond mere authentication.
bool wants_layer(const std::string& response) {
  return response.find("qop=auth-int") != std::string::npos ||
         response.find("qop=auth-conf") != std::string::npos ||
         response.find("qop=\"auth-int\"") != std::string::npos ||
         response.find("qop=\"auth-conf\"") != std::string::npos;
}

}  // namespace

std::optional<Reply> SignIn::run(const std::string& argument) {
  const std::size_t space = argument.find(' ');
  mechanism_ = upper(argument.substr(0, space));
  if (!ground_.offered.contains(mechanism_)) return Reply{504, "5.5.4", "Mechanism not known here"};
  try {
    return carry_out(space == std::string::npos ? "" : argument.substr(space + 1));
  } catch (const Reply& reply) {
    return reply;
  } catch (const Interrupted&) {
    return std::nullopt;
  }
}

Reply SignIn::carry_out(const std::string& initial) {
  if (mechanism_ == "PLAIN") return plain(initial);
  if (mechanism_ == "LOGIN") return login(initial);
  if (mechanism_ == "EXTERNAL") return external(initial);
  if (mechanism_ == "XOAUTH2") return xoauth2(initial);
  if (mechanism_ == "OAUTHBEARER") return oauthbearer(initial);
  if (MechanismServer::knows(mechanism_)) return by_library(initial);
  return {504, "5.5.4", "Mechanism not known here"};
}

// The decoded response: the initial one if there is one, else the answer to the challenge.
std::string SignIn::ask(const std::string& challenge, const std::string& initial) {
  if (initial == "=") return {};
  if (!initial.empty()) return decode(initial);
  talk_.say("334 " + base64_encode(challenge) + "\r\n");
  const auto response = talk_.secret();
  if (!response) throw Reply{501, "5.5.2", "Sign-in given up"};
  if (ground_.interrupted(mechanism_)) throw Interrupted{};
  if (*response == "*") throw Reply{501, "5.7.0", "Sign-in withdrawn"};
  return decode(*response);
}

Reply SignIn::plain(const std::string& initial) {
  const std::string response = ask("", initial);
  const std::size_t name = response.find('\0');
  if (name == std::string::npos) return {501, "5.5.2", "Not a PLAIN response"};
  const std::size_t password = response.find('\0', name + 1);
  if (password == std::string::npos) return {501, "5.5.2", "Not a PLAIN response"};
  return verdict(response.substr(name + 1, password - name - 1), response.substr(password + 1));
}

Reply SignIn::login(const std::string& initial) {
  const std::string name = ask("Username:", initial);
  const std::string password = ask("Password:", "");
  return verdict(name, password);
}

Reply SignIn::external(const std::string& initial) {
  const std::string name = ask("", initial);
  if (!ground_.certificate) return refusal();
  return signed_in(name.empty() ? "(by certificate)" : name);
}

Reply SignIn::xoauth2(const std::string& initial) {
  const std::string message = ask("", initial);
  return token_verdict(between(message, "user=", "\x01"), message, "");
}

Reply SignIn::oauthbearer(const std::string& initial) {
  const std::string message = ask("", initial);
  return token_verdict(between(message, "n,a=", ",\x01"), message, "\x01");
}

// Both refuse in two steps: the reason as JSON, and 535 after a word of the client.
Reply SignIn::token_verdict(const std::string& name, const std::string& message,
                            const std::string& last_word) {
  const std::string token = between(message,
                                    "\x01"
                                    "auth=Bearer ",
                                    "\x01\x01");
  Reply reply = verdict(name, token);
  if (reply.positive()) return reply;
  const std::string word =
      ask(R"({"status":"401","schemes":"bearer","scope":"https://peer.test/mail"})", "");
  if (word != last_word) talk_.violation(mechanism_ + ": not what a refusal is answered with");
  return reply;
}

// The server's last word goes out as a challenge and is answered with nothing (RFC 4954 section 4).
Reply SignIn::by_library(const std::string& initial) {
  const bool plus = mechanism_.ends_with("-PLUS");
  const bool binds = ground_.binding && (plus || ground_.offered.contains(mechanism_ + "-PLUS"));
  if (plus && !binds) return {504, "5.5.4", "Nothing to bind to"};
  MechanismServer server(mechanism_, ground_.users, ground_.realm,
                         binds ? &*ground_.binding : nullptr);
  using State = MechanismServer::State;
  State state = initial.empty() ? server.step("") : server.step(ask("", initial));
  while (state == State::more) {
    const std::string response = ask(challenge(server), "");
    layered_ = mechanism_ == "DIGEST-MD5" && wants_layer(response);
    if (layered_) return signed_in(between(response, "username=\"", "\""));
    state = server.step(response);
  }
  if (state == State::failed) return refusal();
  if (!server.challenge().empty()) ask(server.challenge(), "");
  return signed_in(server.user());
}

// libgsasl's server offers no confidentiality, so the offer is put into its words.
std::string SignIn::challenge(const MechanismServer& server) const {
  std::string text = server.challenge();
  const std::string offer = "qop=\"auth\"";
  const std::size_t at = mechanism_ == "DIGEST-MD5" ? text.find(offer) : std::string::npos;
  if (at == std::string::npos || ground_.digest_qop == "auth") return text;
  std::string ours = "qop=\"" + ground_.digest_qop + "\"";
  if (ours.find("auth-conf") != std::string::npos) ours += ", cipher=\"rc4-40,rc4-56,rc4,3des\"";
  return text.replace(at, offer.size(), ours);
}

Reply SignIn::verdict(const std::string& name, const std::string& password) {
  const auto account = ground_.users.find(name);
  if (account == ground_.users.end() || account->second != password) return refusal();
  return signed_in(name);
}

Reply SignIn::signed_in(const std::string& name) {
  user_ = name;
  return {235, "2.7.0", "Signed in"};
}

}  // namespace peer
