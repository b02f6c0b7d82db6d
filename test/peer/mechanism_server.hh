// The server's side of the mechanisms that libgsasl has: SCRAM with and without -PLUS, CRAM-MD5,
// DIGEST-MD5.  Bytes in, bytes out; used by one connection's thread for one exchange.

#pragma once

#include <gsasl.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "tls.hh"

namespace peer {

class MechanismServer {
 public:
  using Users = std::map<std::string, std::string>;

  // `binding` null: there is nothing to bind to, or no -PLUS is offered.
  MechanismServer(const std::string& mechanism, const Users& users, const std::string& realm,
                  const TlsBinding* binding);

  static bool knows(std::string_view mechanism);

  enum class State { more, done, failed };
  State step(std::string_view response);
  const std::string& challenge() const { return challenge_; }  // after more and done
  std::string user() const;                                    // as the client has said

 private:
  static int answer(Gsasl* library, Gsasl_session* session, Gsasl_property property);
  int set_password(Gsasl_session* session) const;

  const Users& users_;
  std::unique_ptr<Gsasl, void (*)(Gsasl*)> library_{nullptr, gsasl_done};
  std::unique_ptr<Gsasl_session, void (*)(Gsasl_session*)> session_{nullptr, gsasl_finish};
  std::string challenge_;
};

}  // namespace peer
