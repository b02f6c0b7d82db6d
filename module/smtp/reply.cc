// See reply.hh.

#include "smtp/reply.hh"

#include <algorithm>
#include <utility>

#include "base/text.hh"

namespace sendonce::smtp {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Takes one to three digits off the front of TEXT; -1 if there are none, or more.
int take_number(std::string_view& text) {
  std::size_t digits = 0;
  int value = 0;
  while (digits < text.size() && is_digit(text[digits])) {
    if (digits == 3) return -1;
    value = value * 10 + (text[digits++] - '0');
  }
  if (digits == 0) return -1;
  text.remove_prefix(digits);
  return value;
}

bool take_char(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

Error not_a_reply(std::string_view why, std::string_view read) {
  return Error{Cause::protocol, Phase::none,
               "The server said something that is no SMTP reply (" + std::string(why) + ")",
               printable(read)};
}

/// The reply code at the front of LINE, or 0.  RFC 5321 4.2: [2-5] [0-5] [0-9].
int code_of(std::string_view line) {
  if (line.size() < 3) return 0;
  if (line[0] < '2' || line[0] > '5' || line[1] < '0' || line[1] > '5' || !is_digit(line[2]))
    return 0;
  return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

}  // namespace

std::string EnhancedStatus::text() const {
  return std::to_string(status_class) + "." + std::to_string(subject) + "." +
         std::to_string(detail);
}

std::optional<EnhancedStatus> take_enhanced_status(std::string_view& line, int status_class) {
  std::string_view rest = line;
  EnhancedStatus status;
  status.status_class = take_number(rest);
  if (status.status_class != status_class || !take_char(rest, '.')) return std::nullopt;
  status.subject = take_number(rest);
  if (status.subject < 0 || !take_char(rest, '.')) return std::nullopt;
  status.detail = take_number(rest);
  if (status.detail < 0) return std::nullopt;
  if (!rest.empty() && !take_char(rest, ' ')) return std::nullopt;
  line = rest;
  return status;
}

std::optional<EnhancedStatus> Reply::enhanced() const {
  for (const std::string& line : lines) {
    std::string_view rest = line;
    if (auto status = take_enhanced_status(rest, reply_class())) return status;
  }
  return std::nullopt;
}

std::string Reply::text() const {
  std::string joined;
  for (const std::string& line : lines) {
    std::string_view rest = line;
    take_enhanced_status(rest, reply_class());
    if (!joined.empty() && !rest.empty()) joined += ' ';
    joined += rest;
  }
  return joined;
}

std::string Reply::summary() const {
  std::string out = std::to_string(code);
  if (const auto status = enhanced()) out += " " + status->text();
  const std::string words = text();
  if (!words.empty()) out += " " + words;
  return out;
}

void ReplyParser::feed(std::string_view bytes) { buffer_.append(bytes); }

Result<std::optional<Reply>> ReplyParser::next() {
  if (broken_) return fail(*broken_);
  bool last = false;
  while (!last) {
    auto line = take_line();
    if (!line) return fail(broken_.emplace(line.error()));
    if (!line->has_value()) return std::nullopt;
    if (auto added = add_line(**line, last); !added) return fail(broken_.emplace(added.error()));
  }
  partial_size_ = 0;
  return std::exchange(partial_, Reply{});
}

Result<std::optional<std::string>> ReplyParser::take_line() {
  const std::size_t lf = buffer_.find('\n');
  const std::size_t length = lf == std::string::npos ? buffer_.size() : lf + 1;
  const std::string_view line(buffer_.data(), length);
  if (length > max_line) return fail(not_a_reply("a line without end", line));
  const std::size_t cr = line.find('\r');
  if (cr != std::string_view::npos && cr + 1 < length && line[cr + 1] != '\n') {
    return fail(not_a_reply("a bare CR", line));
  }
  if (line.find('\0') != std::string_view::npos) return fail(not_a_reply("a NUL", line));
  if (lf == std::string::npos) return std::nullopt;
  if (cr == std::string_view::npos) return fail(not_a_reply("a bare LF", line));
  partial_size_ += length;
  if (partial_size_ > max_reply) return fail(not_a_reply("a reply without end", line));
  std::string taken(line.substr(0, cr));
  buffer_.erase(0, length);
  return taken;
}

Status ReplyParser::add_line(std::string_view line, bool& last) {
  const int code = code_of(line);
  if (code == 0) return fail(not_a_reply("no reply code", line));
  const bool separated = line.size() > 3;
  if (separated && line[3] != ' ' && line[3] != '-') {
    return fail(not_a_reply("no space or hyphen after the reply code", line));
  }
  if (!partial_.lines.empty() && code != partial_.code) {
    return fail(not_a_reply("the reply code changes from " + std::to_string(partial_.code), line));
  }
  partial_.code = code;
  partial_.lines.emplace_back(separated ? line.substr(4) : std::string_view());
  last = !separated || line[3] == ' ';
  return {};
}

}  // namespace sendonce::smtp
