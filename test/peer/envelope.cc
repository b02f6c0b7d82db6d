#include "envelope.hh"

#include <algorithm>
#include <cctype>

namespace peer {
namespace {

// The octets of a path up to and with its '>', quoted strings respected; 0 if there is none.
std::size_t path_length(std::string_view text) {
  if (!text.starts_with('<')) return 0;
  bool quoted = false;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (text[i] == '>' && !quoted) {
      return i + 1;
    }
  }
  return 0;
}

Parameter parse_parameter(std::string_view word) {
  const std::size_t equals = word.find('=');
  const bool valued = equals != std::string_view::npos;
  return {upper(word.substr(0, equals)), std::string(valued ? word.substr(equals + 1) : "")};
}

}  // namespace

std::string upper(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return char(std::toupper(c)); });
  return result;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::optional<Path> parse_path(std::string_view key, std::string_view argument) {
  if (upper(argument.substr(0, key.size())) != key) return std::nullopt;
  argument.remove_prefix(key.size());
  const std::size_t length = path_length(argument);
  if (length == 0) return std::nullopt;
  Path path{std::string(argument.substr(0, length)), {}};
  argument.remove_prefix(length);
  while (!argument.empty()) {
    if (argument.front() != ' ') return std::nullopt;
    argument.remove_prefix(1);
    const std::string_view word = argument.substr(0, argument.find(' '));
    if (word.empty()) return std::nullopt;
    path.parameters.push_back(parse_parameter(word));
    argument.remove_prefix(word.size());
  }
  return path;
}

std::string Envelope::text() const {
  std::string lines;
  if (from) lines += "from " + from->text + "\n";
  for (const Path& path : to) lines += "to " + path.text + "\n";
  return lines;
}

}  // namespace peer
