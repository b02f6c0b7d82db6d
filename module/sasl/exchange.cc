// See exchange.hh.

#include "sasl/exchange.hh"

#include "base/text.hh"
#include "sasl/gsasl_exchange.hh"
#include "sasl/oauth_exchange.hh"
#include "sasl/table.hh"

namespace sendonce::sasl {

Result<std::unique_ptr<Exchange>> Exchange::begin(const std::string& mechanism,
                                                  const Credentials& credentials) {
  const Mechanism* row = find_mechanism(mechanism);
  if (!row) {
    return fail(Cause::auth_unavailable, Phase::sign_in,
                "No such mechanism here: " + printable(mechanism));
  }
  if (credentials.user.empty() && row->needs != Needs::nothing)
    return fail(Cause::bad_argument, Phase::sign_in, "The user name is empty");
  return row->needs == Needs::token ? begin_oauth(*row, credentials)
                                    : begin_gsasl(*row, credentials);
}

}  // namespace sendonce::sasl
