// See command.hh.

#include "smtp/command.hh"

#include <algorithm>

namespace sendonce::smtp::command {

namespace {

/// Joins without a copy that would not be wiped.
Secret joined(std::string_view a, std::string_view b, std::string_view c) {
  Secret all(a.size() + b.size() + c.size());
  char* at = all.writable();
  for (const std::string_view part : {a, b, c}) at = std::copy(part.begin(), part.end(), at);
  return all;
}

}  // namespace

std::string ehlo(const LocalName& name) { return "EHLO " + name.text() + "\r\n"; }
std::string helo(const LocalName& name) { return "HELO " + name.text() + "\r\n"; }
std::string starttls() { return "STARTTLS\r\n"; }

std::string mail(const Address& sender, const MailParameters& parameters) {
  std::string line = "MAIL FROM:<" + sender.text() + ">";
  if (parameters.size) line += " SIZE=" + std::to_string(*parameters.size);
  if (parameters.eight_bit) line += " BODY=8BITMIME";
  if (parameters.utf8) line += " SMTPUTF8";
  return line + "\r\n";
}

std::string rcpt(const Address& recipient) { return "RCPT TO:<" + recipient.text() + ">\r\n"; }
std::string data() { return "DATA\r\n"; }

std::string bdat(std::uint64_t octets, bool last) {
  return "BDAT " + std::to_string(octets) + (last ? " LAST\r\n" : "\r\n");
}

std::string rset() { return "RSET\r\n"; }
std::string noop() { return "NOOP\r\n"; }
std::string quit() { return "QUIT\r\n"; }

Secret auth(const MechanismName& mechanism, const std::optional<Secret>& initial) {
  const std::string head = "AUTH " + mechanism.text();
  if (!initial) return Secret(head + "\r\n");
  return joined(head + " ", initial->empty() ? "=" : initial->reveal(), "\r\n");
}

Secret auth_response(const Secret& response) { return joined("", response.reveal(), "\r\n"); }

std::string auth_abort() { return "*\r\n"; }

}  // namespace sendonce::smtp::command
