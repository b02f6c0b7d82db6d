// Sign-in mechanisms (RFC 4422), over libgsasl.
//
// `choose` says which mechanism comes next; `Exchange` carries one of them out, text in, text out,
// all in base64 as SMTP has it (RFC 4954).  No I/O.  One thread, the delivery's.  Holds the
// password only while the exchange lives.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hh"
#include "base/secret.hh"

namespace sendonce::sasl {

struct Credentials {
  std::string user;  ///< UTF-8
  Secret password;   ///< UTF-8
};

/// What may be chosen from.
struct Choice {
  std::vector<std::string> offered;  ///< by the server, upper case
  std::vector<std::string> wanted;   ///< by the account, upper case, in order; empty: any
  std::vector<std::string> tried;    ///< already, without success
  bool plain_text_allowed = false;   ///< under TLS, or because the account says so
};

/// The mechanism to try next; nullopt when none is left.
std::optional<std::string> choose(const Choice& choice);

/// All mechanisms this build can carry out, best first.
std::vector<std::string> known_mechanisms();

/// One exchange.  Absent and empty first responses are different things.
class Exchange {
 public:
  /// Errors: auth_unavailable (no such mechanism here), bad_argument (an empty user).
  static Result<std::unique_ptr<Exchange>> begin(const std::string& mechanism,
                                                 const Credentials& credentials);
  virtual ~Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  /// The initial response in base64; nullopt where the server speaks first.
  virtual Result<std::optional<Secret>> first() = 0;
  /// The response to CHALLENGE, both in base64.  Error: auth_failed, the mechanism cannot go on.
  virtual Result<Secret> respond(std::string_view challenge) = 0;

 protected:
  Exchange() = default;
};

}  // namespace sendonce::sasl
