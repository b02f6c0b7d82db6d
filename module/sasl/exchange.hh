// One sign-in exchange: text in, text out, all in base64 as SMTP has it (RFC 4954).
//
// libgsasl carries out all mechanisms but XOAUTH2 and OAUTHBEARER, which are ours.  No I/O of our
// own (GSSAPI's library asks its KDC by itself, and may wait for it).  One thread, the delivery's.
// Holds the password only while the exchange lives, and wipes it.  What it refuses is an Error,
// never a crash, whatever the server says.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hh"
#include "base/secret.hh"

namespace sendonce::sasl {

/// What the TLS session gives to bind a sign-in to it (RFC 5929, RFC 9266).
struct Binding {
  std::string type;  ///< "tls-exporter" or "tls-unique"
  Secret data;
};

struct Credentials {
  std::string user;                  ///< UTF-8; may be empty where nothing is needed
  Secret password;                   ///< UTF-8; for XOAUTH2 and OAUTHBEARER the token
  std::string host = {};             ///< the server's name, for GSSAPI, DIGEST-MD5, OAUTHBEARER
  std::uint16_t port = 0;            ///< for OAUTHBEARER; 0: not said
  const Binding* binding = nullptr;  ///< nullptr: none; need not outlive begin()
  /// The server offers a -PLUS mechanism.  A SCRAM without -PLUS says "y" (RFC 5802 section 6: "I
  /// could bind, and you seem not to offer it") only where it does not, and libgsasl is able to
  /// (2.2.0 is not); else it says "n".
  bool plus_offered = false;
};

/// Absent and empty first responses are different things.
class Exchange {
 public:
  /// Errors: auth_unavailable (no such mechanism here, or nothing to bind to), bad_argument (an
  /// empty user; a character in user or password that the mechanism cannot carry).
  static Result<std::unique_ptr<Exchange>> begin(const std::string& mechanism,
                                                 const Credentials& credentials);
  virtual ~Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  /// The initial response in base64; nullopt where the server speaks first.  Error: auth_failed,
  /// this mechanism cannot be begun with these credentials (SASLprep, no Kerberos ticket, ...):
  /// another may do.
  virtual Result<std::optional<Secret>> first() = 0;
  /// The response to CHALLENGE, both in base64.  Error: auth_failed, the mechanism cannot go on.
  virtual Result<Secret> respond(std::string_view challenge) = 0;
  /// Has the mechanism run to its end, the server's proof included?  A 235 before that proves
  /// nothing.
  [[nodiscard]] virtual bool complete() const = 0;
  /// What the server said in the course of the mechanism, decoded, for people; "" for nothing.
  [[nodiscard]] virtual std::string server_words() const = 0;

 protected:
  Exchange() = default;
};

}  // namespace sendonce::sasl
