// See session_script.hh.

#include "session_script.hh"

#include <algorithm>
#include <charconv>
#include <utility>

#include "target.hh"

namespace fuzz {

namespace {

using sendonce::smtp::TlsMode;

constexpr std::size_t most_repeats = 1000;
constexpr std::size_t most_octets = 70000;  // that one line may become

std::size_t number(std::string_view text, std::size_t least, std::size_t most) {
  std::size_t value = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), value);
  return std::clamp(value, least, most);
}

}  // namespace

SessionScript::SessionScript(std::string_view text) : text_(text) {
  setup_.options.tls = TlsMode::none;
  for (const char letter : take_line(text_)) option(letter);
}

void SessionScript::option(char letter) {
  auto& options = setup_.options;
  if (letter == 'i') options.tls = TlsMode::implicit;
  if (letter == 's') options.tls = TlsMode::starttls;
  if (letter == 'o') options.tls = TlsMode::opportunistic;
  if (letter == 'p') options.pipelining = false;
  if (letter == 'c') options.chunking = false;
  if (letter == 'a') options.sign_in = true;
  if (letter == 'u') setup_.international = true;
  if (letter == 'b') setup_.large = true;
  if (letter == 'm') setup_.follows = true;
  if (letter >= 'v' && letter <= 'x') options.window = static_cast<std::size_t>(letter - 'v') + 2;
  if (letter >= '0' && letter <= '9') setup_.recipients = static_cast<std::size_t>(letter - '0');
}

bool SessionScript::taken(bool& wish) { return std::exchange(wish, false); }

std::string_view SessionScript::peek() const { return text_.substr(0, text_.find('\n')); }

void SessionScript::decide() {
  while (!text_.empty() && peek().size() > 1 && peek()[0] == '!' && peek()[1] != '!') {
    decision(take_line(text_));
  }
}

void SessionScript::decision(std::string_view line) {
  const std::string_view argument = line.substr(2);
  switch (line[1]) {
    case 'l':
      lost_ = true;
      break;
    case 'w':
      withdraws_ = true;
      break;
    case 'q':
      quits_ = true;
      break;
    case 'k':
      skips_ = true;
      break;
    case 'a':
      aborts_ = true;
      break;
    case 'h':
      along_ = true;
      break;
    case 't':
      takes_ = number(argument, 0, most_octets);
      break;
    case 'm':
      piece_ = number(argument, 1, most_octets);
      break;
    case 'r':
      repeats_ = number(argument, 1, most_repeats);
      break;
    default:
      break;
  }
}

std::optional<std::string> SessionScript::hear() {
  std::string said;
  do {
    along_ = false;
    decide();
    if (lost_ || text_.empty()) return std::nullopt;
    const std::size_t length = std::min(peek().size() + 1, text_.size());
    std::string_view line = text_.substr(0, length);
    text_.remove_prefix(length);
    if (line.substr(0, 2) == "!!") line.remove_prefix(1);
    const std::size_t times = std::exchange(repeats_, 1);
    for (std::size_t i = 0; i < times && said.size() + line.size() < most_octets; ++i) said += line;
    decide();
  } while (along_);
  return said;
}

std::size_t SessionScript::takes(std::size_t size) {
  decide();
  return std::min(size, std::exchange(takes_, std::nullopt).value_or(size));
}

}  // namespace fuzz
