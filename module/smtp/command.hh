// The commands we say, as bytes with their CRLF.  Arguments are types that cannot hold CR, LF or
// NUL (address.hh), so no command can be broken open.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/secret.hh"
#include "smtp/address.hh"

namespace sendonce::smtp::command {

/// Parameters of MAIL; each is said only where the server offered it.
struct MailParameters {
  std::optional<std::uint64_t> size;  ///< SIZE= (RFC 1870), octets
  bool eight_bit = false;             ///< BODY=8BITMIME (RFC 6152)
  bool utf8 = false;                  ///< SMTPUTF8 (RFC 6531)
};

std::string ehlo(const LocalName& name);
std::string helo(const LocalName& name);
std::string starttls();
std::string mail(const Address& sender, const MailParameters& parameters);
std::string rcpt(const Address& recipient);
std::string data();
std::string bdat(std::uint64_t octets, bool last);
std::string rset();
std::string noop();
std::string quit();

/// AUTH with its initial response in base64, if there is one: an absent one and an empty one ("=")
/// are two things (RFC 4954 section 4).
Secret auth(const MechanismName& mechanism, const std::optional<Secret>& initial);
/// A response to a 334, already in base64.
Secret auth_response(const Secret& response);
/// Gives the exchange up (RFC 4954 section 4).
std::string auth_abort();

}  // namespace sendonce::smtp::command
