#include "content.hh"

#include <algorithm>

namespace peer {
namespace {

constexpr std::size_t findings_limit = 100;  // a message

}  // namespace

std::size_t DotReader::feed(std::string_view in, std::string& out) {
  std::size_t used = 0;
  while (used < in.size() && state_ != State::done) {
    switch (state_) {
      case State::line_start:
        state_ = in[used] == '.' ? State::dot : State::text;
        used += state_ == State::dot ? 1 : 0;
        break;
      case State::dot:
        used += dot(in[used]);
        break;
      case State::dot_cr:
        used += dot_cr(in[used], out);
        break;
      case State::text:
        used += text(in.substr(used), out);
        break;
      case State::done:
        break;
    }
  }
  return used;
}

// The first dot of the line has been dropped already.
std::size_t DotReader::dot(char c) {
  state_ = c == '\r' ? State::dot_cr : State::text;
  if (c != '\r' && c != '.') ++unstuffed_;
  return c == '\r' ? 1 : 0;
}

std::size_t DotReader::dot_cr(char c, std::string& out) {
  if (c == '\n') {
    state_ = State::done;
    return 1;
  }
  ++unstuffed_;
  out += '\r';
  last_ = '\r';
  state_ = State::text;
  return 0;
}

std::size_t DotReader::text(std::string_view in, std::string& out) {
  const std::size_t end = in.find('\n');
  const std::string_view run = in.substr(0, end == std::string_view::npos ? end : end + 1);
  const char before_end = run.size() > 1 ? run[run.size() - 2] : last_;
  if (run.back() == '\n' && before_end == '\r') state_ = State::line_start;
  last_ = run.back();
  out += run;
  return run.size();
}

void Oracle::feed(std::string_view bytes) {
  for (const char c : bytes) look(static_cast<unsigned char>(c));
}

void Oracle::look(unsigned char c) {
  if (last_ == '\r' && c != '\n') find("bare CR", octets_ - 1);
  if (c == '\n') {
    if (last_ != '\r') find("bare LF", octets_);
    end_line();
  } else if (c == 0) {
    find("NUL", octets_);
  }
  all_bits_ = static_cast<unsigned char>(all_bits_ | c);
  last_ = c;
  ++octets_;
}

void Oracle::end_line() {
  const std::uint64_t length = octets_ - line_start_ - (last_ == '\r' ? 1 : 0);
  longest_ = std::max(longest_, length);
  line_start_ = octets_ + 1;
}

void Oracle::end() {
  if (last_ == '\r') find("bare CR", octets_ - 1);
  if (octets_ > line_start_) longest_ = std::max(longest_, octets_ - line_start_);
}

void Oracle::find(const char* what, std::uint64_t offset) {
  if (findings_.size() == findings_limit) findings_.emplace_back("and more");
  if (findings_.size() > findings_limit) return;
  findings_.push_back(std::string(what) + " at offset " + std::to_string(offset));
}

}  // namespace peer
