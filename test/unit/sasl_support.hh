// The other side of a sign-in for the tests of sasl: libgsasl's server, in the same process.

#pragma once

#include <gsasl.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "sasl/exchange.hh"

namespace sendonce::sasl::test {

/// Credentials for `host` mail.example, port 587.
Credentials credentials(std::string user, std::string_view password);

Binding binding(std::string type, std::string_view data = "what both ends of the line know");

/// What base64 says and how it is said, as plain text, which tests may compare and print.
std::string decoded(std::string_view base64);
std::string encoded(std::string_view bytes);

/// The words of the failed RESULT; a note that it did not fail.
template <class T>
std::string failure(const Result<T>& result) {
  return result ? "(no failure)" : result.error().message;
}

class Server {
 public:
  /// Answers what libgsasl asks for by PROPERTIES; PLAIN, LOGIN and EXTERNAL are compared with its
  /// GSASL_AUTHID and GSASL_PASSWORD.
  using Properties = std::map<Gsasl_property, std::string>;
  Server(const std::string& mechanism, Properties properties);

  /// Libgsasl's code; `reply` then has the challenge, in base64.
  int step(std::string_view response);
  [[nodiscard]] const std::string& reply() const { return reply_; }
  /// What the client said of itself.
  [[nodiscard]] std::string property(Gsasl_property which) const;

 private:
  static int answer(Gsasl* library, Gsasl_session* session, Gsasl_property property);
  int validate(Gsasl_session* session);

  Properties properties_;
  std::unique_ptr<Gsasl, void (*)(Gsasl*)> library_{nullptr, gsasl_done};
  std::unique_ptr<Gsasl_session, void (*)(Gsasl_session*)> session_{nullptr, gsasl_finish};
  std::string reply_;
};

/// Has `change` change each challenge on its way.  True if both sides end well.
using Change = std::function<std::string(std::string)>;
bool agree(Exchange& client, Server& server, const Change& change = {});

}  // namespace sendonce::sasl::test
