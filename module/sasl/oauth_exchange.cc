// See oauth_exchange.hh.

#include "sasl/oauth_exchange.hh"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "base/text.hh"
#include "sasl/base64.hh"
#include "sasl/challenge.hh"
#include "sasl/flat_json.hh"

namespace sendonce::sasl {

namespace {

constexpr std::string_view separator = "\x01";  // RFC 7628 section 3.1: kvsep

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 32 || byte == 127;
  });
}

/// PARTS in one, with no copy left behind.
Secret joined(std::initializer_list<std::string_view> parts) {
  std::size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  Secret whole(size);
  char* to = whole.writable();
  for (const std::string_view part : parts) to = std::copy(part.begin(), part.end(), to);
  return whole;
}

/// RFC 5801 section 4: a name in a GS2 header has neither comma nor equals sign.
std::string sasl_name(std::string_view user) {
  std::string name;
  for (const char c : user) {
    if (c == ',' || c == '=') {
      name += c == ',' ? "=2C" : "=3D";
    } else {
      name += c;
    }
  }
  return name;
}

Secret xoauth2_message(const Credentials& who) {
  return joined(
      {"user=", who.user, separator, "auth=Bearer ", who.password.reveal(), separator, separator});
}

Secret oauthbearer_message(const Credentials& who) {
  const std::string host = who.host.empty() ? "" : "host=" + who.host + "\x01";
  const std::string port = who.port == 0 ? "" : "port=" + std::to_string(who.port) + "\x01";
  return joined({"n,a=", sasl_name(who.user), ",", separator, host, port, "auth=Bearer ",
                 who.password.reveal(), separator, separator});
}

/// "status 400, scope https://..., schemes bearer"; what is no such JSON as it stands.
std::string reason(std::string_view json) {
  static constexpr std::array<std::string_view, 4> told = {"status", "scope", "schemes",
                                                           "openid-configuration"};
  const Members members = flat_members(json);
  std::string words;
  for (const std::string_view name : told) {
    for (const auto& [member, value] : members) {
      if (member != name || value.empty()) continue;
      words += (words.empty() ? "" : ", ") + member + " " + printable(value);
    }
  }
  return words.empty() ? printable(json) : words;
}

class OauthExchange final : public Exchange {
 public:
  OauthExchange(Secret message, Secret token, std::string_view last_word)
      : message_(std::move(message)), token_(std::move(token)), last_word_(last_word) {}

  Result<std::optional<Secret>> first() override {
    said_ = true;
    return std::optional<Secret>(base64_encode(message_.reveal()));
  }

  // The server refuses, and says why; it wants a word from us before its 535 (RFC 7628
  // section 3.2.3).
  Result<Secret> respond(std::string_view challenge) override {
    if (refused_) return fail(cannot_go_on("the server goes on after its refusal"));
    refused_ = true;
    const auto decoded = decode_challenge(challenge);
    if (!decoded) return fail(decoded.error());
    words_ = reason(decoded->reveal());
    if (words_.find(token_.reveal()) != std::string::npos) words_.clear();
    return base64_encode(last_word_);
  }

  [[nodiscard]] bool complete() const override { return said_ && !refused_; }
  [[nodiscard]] std::string server_words() const override { return words_; }

 private:
  Secret message_;
  Secret token_;
  std::string_view last_word_;
  std::string words_;
  bool said_ = false;
  bool refused_ = false;
};

}  // namespace

Result<std::unique_ptr<Exchange>> begin_oauth(const Mechanism& mechanism,
                                              const Credentials& credentials) {
  if (credentials.password.empty())
    return fail(Cause::bad_argument, Phase::sign_in, "The token is empty");
  if (has_control(credentials.user) || has_control(credentials.host))
    return fail(Cause::bad_argument, Phase::sign_in, "The user name has a control character");
  if (has_control(credentials.password.reveal()))
    return fail(Cause::bad_argument, Phase::sign_in, "The token has a control character");
  const bool bearer = mechanism.name == "OAUTHBEARER";
  return std::make_unique<OauthExchange>(
      bearer ? oauthbearer_message(credentials) : xoauth2_message(credentials),
      credentials.password.copy(), bearer ? separator : "");
}

}  // namespace sendonce::sasl
