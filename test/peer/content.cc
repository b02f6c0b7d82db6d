#include "content.hh"

#include <algorithm>
#include <cstring>

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

namespace {

/// Octets at the front of BYTES before the first CR, LF or NUL.
std::size_t plain_run(std::string_view bytes) {
  for (const char end : {'\n', '\r', '\0'}) {
    if (const void* found = std::memchr(bytes.data(), end, bytes.size())) {
      bytes =
          bytes.substr(0, static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data()));
    }
  }
  return bytes.size();
}

}  // namespace

void Oracle::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    look(static_cast<unsigned char>(bytes.front()));
    bytes.remove_prefix(1);
    const std::size_t run = plain_run(bytes);
    if (run == 0 || last_ == '\r') continue;
    unsigned char bits = 0;
    for (const char c : bytes.substr(0, run)) {
      bits = static_cast<unsigned char>(bits | static_cast<unsigned char>(c));
    }
    all_bits_ = static_cast<unsigned char>(all_bits_ | bits);
    octets_ += run;
    last_ = static_cast<unsigned char>(bytes[run - 1]);
    bytes.remove_prefix(run);
  }
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
