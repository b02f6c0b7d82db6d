// What a server offers, as its EHLO reply says (RFC 5321 4.1.1.1).  Pure data; forgotten and made
// anew at every EHLO (RFC 3207 4.2).

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "smtp/reply.hh"

namespace sendonce::smtp {

struct Capabilities {
  bool esmtp = false;  ///< EHLO was understood
  bool starttls = false;
  bool pipelining = false;
  bool chunking = false;
  bool eight_bit_mime = false;
  bool smtputf8 = false;
  bool enhanced_status_codes = false;
  bool size = false;
  std::uint64_t size_limit = 0;         ///< octets; 0: no fixed limit (RFC 1870 section 4)
  std::uint64_t mail_max = 0;           ///< messages a line may carry (RFC 9422); 0: any number
  std::uint64_t recipient_max = 0;      ///< recipients a message may name (RFC 9422); 0: any number
  std::uint64_t domain_max = 0;         ///< domains these may be of (RFC 9422); 0: any number
  std::vector<std::string> mechanisms;  ///< of AUTH, upper case, in the server's order, no repeats

  [[nodiscard]] bool offers_auth() const { return !mechanisms.empty(); }

  /// From a positive EHLO reply.  Unknown keywords and malformed parameters are passed over.
  static Capabilities parse(const Reply& reply);
};

}  // namespace sendonce::smtp
