// The content of a message on its way in: where DATA ends and which dots go (DotReader), and
// whether the octets are what SMTP allows (Oracle).  Pure: octets in, octets and findings out.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace peer {

// Undoes dot-stuffing (RFC 5321 4.5.2) over any split of the input.  Only CRLF . CRLF ends it.
class DotReader {
 public:
  // Appends decoded content to `out`; the octets of `in` used, all of them unless done().
  std::size_t feed(std::string_view in, std::string& out);
  bool done() const { return state_ == State::done; }
  std::uint64_t unstuffed_dots() const { return unstuffed_; }  // lines with one dot and more

 private:
  enum class State { line_start, dot, dot_cr, text, done };
  std::size_t text(std::string_view in, std::string& out);
  std::size_t dot(char c);
  std::size_t dot_cr(char c, std::string& out);

  State state_ = State::line_start;
  char last_ = '\n';
  std::uint64_t unstuffed_ = 0;
};

// Looks at decoded content for what no client may send; offsets count from the message's first
// octet.
class Oracle {
 public:
  void feed(std::string_view bytes);
  void end();

  const std::vector<std::string>& findings() const { return findings_; }
  bool eight_bit() const { return (all_bits_ & 0x80) != 0; }
  std::uint64_t longest_line() const { return longest_; }  // in octets, without CRLF
  std::uint64_t octets() const { return octets_; }

 private:
  void look(unsigned char c);
  void find(const char* what, std::uint64_t offset);
  void end_line();

  std::vector<std::string> findings_;
  std::uint64_t octets_ = 0;
  std::uint64_t line_start_ = 0;
  std::uint64_t longest_ = 0;
  unsigned char last_ = 0;
  unsigned char all_bits_ = 0;
};

}  // namespace peer
