// See body.hh.

#include "smtp/body.hh"

#include <algorithm>
#include <cstring>

#include "base/text.hh"

namespace sendonce::smtp {

namespace {

/// Length of the run at the front of TEXT without CR or LF.  memchr is what makes 50 MB cheap.
std::size_t line_length(std::string_view text) {
  const void* lf = std::memchr(text.data(), '\n', text.size());
  const std::size_t to_lf =
      lf ? static_cast<std::size_t>(static_cast<const char*>(lf) - text.data()) : text.size();
  const void* cr = std::memchr(text.data(), '\r', to_lf);
  return cr ? static_cast<std::size_t>(static_cast<const char*>(cr) - text.data()) : to_lf;
}

/// Length of the line end at the front of TEXT: CRLF, CR or LF.
std::size_t line_end_length(std::string_view text) { return text.substr(0, 2) == "\r\n" ? 2 : 1; }

}  // namespace

void BodyEncoder::append_piece(std::string_view piece, std::string& out) {
  if (piece.empty()) return;
  if (framing_ == Framing::dots && at_line_start_ && piece.front() == '.') out += '.';
  out.append(piece);
  at_line_start_ = false;
}

void BodyEncoder::end_line(std::string& out) {
  out += "\r\n";
  at_line_start_ = true;
}

void BodyEncoder::encode(std::string_view bytes, std::string& out) {
  while (!bytes.empty()) {
    if (after_cr_ && bytes.front() == '\n') {
      after_cr_ = false;
      bytes.remove_prefix(1);
      continue;
    }
    after_cr_ = false;
    const std::size_t length = line_length(bytes);
    append_piece(bytes.substr(0, length), out);
    bytes.remove_prefix(length);
    if (bytes.empty()) return;
    after_cr_ = bytes.front() == '\r';
    bytes.remove_prefix(1);
    end_line(out);
  }
}

void BodyEncoder::finish(std::string& out) {
  if (!at_line_start_) end_line(out);
  if (framing_ == Framing::dots) out += ".\r\n";
}

BodyFacts examine_body(std::string_view message) {
  BodyFacts facts;
  facts.nul = message.find('\0') != std::string_view::npos;
  facts.eight_bit = !is_ascii(message);
  bool in_header = true;
  while (!message.empty()) {
    const std::size_t length = line_length(message);
    if (length == 0) in_header = false;
    if (in_header && facts.eight_bit && !is_ascii(message.substr(0, length)))
      facts.eight_bit_header = true;
    facts.longest_line = std::max<std::uint64_t>(facts.longest_line, length);
    facts.octets += length + 2;
    message.remove_prefix(length);
    if (!message.empty()) message.remove_prefix(line_end_length(message));
  }
  return facts;
}

}  // namespace sendonce::smtp
