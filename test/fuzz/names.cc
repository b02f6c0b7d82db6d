// Fuzz target: names that go into commands: addresses, local names, mechanism names.
//
// Refused with a sentence, or said in one command, as one argument, just as they are.

#include <string>

#include "base/text.hh"
#include "smtp/address.hh"
#include "smtp/command.hh"
#include "target.hh"

namespace {

namespace smtp = sendonce::smtp;
namespace command = sendonce::smtp::command;

template <class Parsed>
bool refused(const Parsed& parsed) {
  if (parsed) return false;
  fuzz::require(parsed.error().cause == sendonce::Cause::bad_argument, "the cause");
  fuzz::require(!fuzz::has_control(parsed.error().message), "the text is quoted");
  return true;
}

/// Without its quoted string, which may hold anything that is no control.
std::string unquoted(const std::string& address) {
  if (address.front() != '"') return address;
  std::size_t end = 1;
  while (address.at(end) != '"') end += address[end] == '\\' ? 2U : 1U;
  return address.substr(end + 1);
}

void address(const std::string& text) {
  const auto parsed = smtp::Address::parse(text);
  if (refused(parsed)) return;
  fuzz::require(parsed->text() == text && !text.empty(), "as it is", text);
  fuzz::require(!fuzz::has_control(text) && sendonce::is_utf8(text), "text", text);
  fuzz::require(unquoted(text).find_first_of(" <>\"\\") == std::string::npos, "one path", text);
  const std::string line = command::rcpt(*parsed);
  fuzz::require(line == "RCPT TO:<" + text + ">\r\n" && fuzz::is_one_line(line), "one line", line);
  fuzz::require(fuzz::is_one_line(command::mail(*parsed, {1, true, true})), "one line", text);
}

void local_name(const std::string& text) {
  const auto parsed = smtp::LocalName::parse(text);
  if (refused(parsed)) return;
  fuzz::require(command::ehlo(*parsed) == "EHLO " + text + "\r\n", "as it is", text);
  fuzz::require(text.find_first_of(std::string_view(" \t\r\n\0", 5)) == std::string::npos,
                "one argument", text);
}

void mechanism(const std::string& text) {
  const auto parsed = smtp::MechanismName::parse(text);
  if (refused(parsed)) return;
  const sendonce::Secret line = command::auth(*parsed, std::nullopt);
  fuzz::require(fuzz::is_one_line(line.reveal()), "one line", text);
  fuzz::require(line.reveal() == "AUTH " + sendonce::ascii_upper(text) + "\r\n", "as it is", text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(fuzz::text_of(data, size));
  address(text);
  local_name(text);
  mechanism(text);
  return 0;
}
