#include "sign_in.hh"

#include <optional>

#include "envelope.hh"

namespace peer {
namespace {

std::optional<unsigned> sextet(char c) {
  if (c >= 'A' && c <= 'Z') return unsigned(c - 'A');
  if (c >= 'a' && c <= 'z') return unsigned(c - 'a') + 26;
  if (c >= '0' && c <= '9') return unsigned(c - '0') + 52;
  if (c == '+') return 62U;
  if (c == '/') return 63U;
  return std::nullopt;
}

std::size_t padding(const std::string& text) {
  if (text.ends_with("==")) return 2;
  return text.ends_with('=') ? 1 : 0;
}

[[noreturn]] void refuse_base64() { throw Reply{501, "5.5.2", "Not base64"}; }

// Strict base64 (RFC 4648 section 4); throws the reply that goes to the client.
std::string decode(const std::string& text) {
  const std::size_t pad = padding(text);
  if (text.size() % 4 != 0) refuse_base64();
  std::string result;
  unsigned bits = 0;
  for (std::size_t i = 0; i < text.size() - pad; ++i) {
    const auto value = sextet(text[i]);
    if (!value) refuse_base64();
    bits = (bits << 6 | *value) & 0xffffff;
    if (i % 4 != 0) result += char(bits >> (6 - 2 * (i % 4)) & 0xff);
  }
  return result;
}

}  // namespace

Reply SignIn::run(const std::string& argument) {
  const std::size_t space = argument.find(' ');
  const std::string mechanism = upper(argument.substr(0, space));
  const std::string initial = space == std::string::npos ? "" : argument.substr(space + 1);
  try {
    if (mechanism == "PLAIN") return plain(initial);
    if (mechanism == "LOGIN") return login(initial);
  } catch (const Reply& refusal) {
    return refusal;
  }
  return {504, "5.5.4", "Mechanism not known here"};
}

// The decoded response: the initial one if there is one, else the answer to the challenge.
std::string SignIn::ask(const std::string& challenge, const std::string& initial) {
  if (initial == "=") return {};
  if (!initial.empty()) return decode(initial);
  talk_.say("334 " + challenge + "\r\n");
  const auto response = talk_.secret();
  if (!response) throw Reply{501, "5.5.2", "Sign-in given up"};
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
  const std::string name = ask("VXNlcm5hbWU6", initial);
  const std::string password = ask("UGFzc3dvcmQ6", "");
  return verdict(name, password);
}

Reply SignIn::verdict(const std::string& name, const std::string& password) {
  const auto account = users_.find(name);
  if (account == users_.end() || account->second != password) {
    return {535, "5.7.8", "Authentication credentials invalid"};
  }
  user_ = name;
  return {235, "2.7.0", "Signed in"};
}

}  // namespace peer
