// MAIL and RCPT arguments, and the envelope they build.  Pure.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace peer {

struct Parameter {
  std::string name;  // upper case
  std::string value;
};

struct Path {
  std::string text;  // with its angle brackets
  std::vector<Parameter> parameters;
};

// `key` is "FROM:" or "TO:".  Strict: no space after the colon, the path in angle brackets.
std::optional<Path> parse_path(std::string_view key, std::string_view argument);

bool is_ascii(std::string_view text);
std::string upper(std::string_view text);

struct Envelope {
  std::optional<Path> from;
  std::vector<Path> to;
  std::string text() const;  // "from <a@b>\nto <c@d>\n"
};

}  // namespace peer
