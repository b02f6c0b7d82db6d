// See body.hh.

#include "smtp/body.hh"

#include <algorithm>
#include <cstring>
#include <utility>

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

void BodyExaminer::end_line() {
  if (line_ == 0) in_header_ = false;
  facts_.octets += 2;
  facts_.longest_line = std::max(facts_.longest_line, line_);
  line_ = 0;
}

void BodyExaminer::examine(std::string_view bytes) {
  facts_.nul |= bytes.find('\0') != std::string_view::npos;
  while (!bytes.empty()) {
    if (std::exchange(after_cr_, false) && bytes.front() == '\n') {
      bytes.remove_prefix(1);
      continue;
    }
    const std::size_t length = line_length(bytes);
    const bool high = !is_ascii(bytes.substr(0, length));
    facts_.eight_bit |= high;
    facts_.eight_bit_header |= high && in_header_;
    facts_.octets += length;
    line_ += length;
    bytes.remove_prefix(length);
    if (bytes.empty()) return;
    after_cr_ = bytes.front() == '\r';
    bytes.remove_prefix(1);
    end_line();
  }
}

BodyFacts BodyExaminer::facts() const {
  BodyExaminer whole = *this;
  if (line_ > 0) whole.end_line();
  return whole.facts_;
}

BodyFacts examine_body(std::string_view message) {
  BodyExaminer examiner;
  examiner.examine(message);
  return examiner.facts();
}

}  // namespace sendonce::smtp
