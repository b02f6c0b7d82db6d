#include "talk.hh"

#include "envelope.hh"

namespace peer {
namespace {

constexpr const char* redacted = "<redacted>";

std::string for_log(const std::string& line, bool secret) {
  if (secret) return redacted;
  if (upper(line.substr(0, 5)) != "AUTH ") return line;
  const std::size_t initial = line.find(' ', 5);
  return initial == std::string::npos ? line : line.substr(0, initial + 1) + redacted;
}

}  // namespace

std::optional<std::string> Talk::command() { return line(false); }

std::optional<std::string> Talk::line(bool secret) {
  Line line = connection_.read_line();
  log("C: " + for_log(line.text, secret));
  if (legal(line)) return std::move(line.text);
  reply({500, "5.5.2", "Not a line of SMTP"});
  return std::nullopt;
}

bool Talk::legal(const Line& line) const {
  const auto carriage_return = line.text.find('\r');
  const auto nul = line.text.find('\0');
  const auto note = [this](const char* what, std::size_t offset) {
    violation("command: " + std::string(what) + " at offset " + std::to_string(offset));
  };
  if (!line.crlf) note("bare LF", line.text.size());
  if (carriage_return != std::string::npos) note("bare CR", carriage_return);
  if (nul != std::string::npos) note("NUL", nul);
  if (line.too_long) violation("command: longer than 64 KB");
  return line.crlf && !line.too_long && carriage_return == std::string::npos &&
         nul == std::string::npos;
}

void Talk::reply(const Reply& reply) { say(wire(reply, enhanced_)); }

void Talk::say(std::string_view bytes) {
  const char* who = connection_.muted() ? "S (cut, not sent): " : "S: ";
  std::string_view rest = bytes.substr(0, 4096);
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find("\r\n"));
    log(who + std::string(line));
    rest.remove_prefix(std::min(rest.size(), line.size() + 2));
  }
  connection_.write(bytes);
}

}  // namespace peer
