// The message on its way to the wire: line ends, dot-stuffing, facts about it.
//
// Streaming: any split of the input gives the same output.  Nothing here copies a message whole.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sendonce::smtp {

/// How the end of a message is told to the server.
enum class Framing {
  dots,    ///< DATA: a line of one dot ends it, other dots at line starts are doubled (RFC
           ///< 5321 4.5.2)
  counted  ///< BDAT: octets are counted (RFC 3030)
};

/// Makes every line end CRLF (a bare CR or LF is a line end too, so neither ever leaves), ends an
/// unfinished last line, doubles dots where the framing wants it.
class BodyEncoder {
 public:
  explicit BodyEncoder(Framing framing) : framing_(framing) {}
  /// Appends what BYTES become to OUT.
  void encode(std::string_view bytes, std::string& out);
  /// Appends what completes the message: the end of its last line, and ".CRLF" where dots end it.
  void finish(std::string& out);

 private:
  void append_piece(std::string_view piece, std::string& out);
  void end_line(std::string& out);

  Framing framing_;
  bool at_line_start_ = true;
  bool after_cr_ = false;  // an LF that comes now belongs to a CR already written as CRLF
};

/// What a server must be told, or asked, before the message.
struct BodyFacts {
  std::uint64_t octets = 0;  ///< with CRLF line ends, without doubled dots (RFC 1870 section 3)
  std::uint64_t longest_line = 0;  ///< octets without CRLF
  bool eight_bit = false;          ///< bytes above 127
  bool eight_bit_header = false;   ///< such bytes before the first empty line: needs SMTPUTF8
  bool nul = false;                ///< a NUL, which no message may hold (RFC 5322 2.2)
};

/// Facts of a message, piece by piece; any split gives the same facts.
class BodyExaminer {
 public:
  void examine(std::string_view bytes);
  /// The facts of all that was examined.
  [[nodiscard]] BodyFacts facts() const;

 private:
  void end_line();

  BodyFacts facts_;
  std::uint64_t line_ = 0;  // octets of the line that has not ended
  bool in_header_ = true;
  bool after_cr_ = false;
};

/// Facts of a whole message.
BodyFacts examine_body(std::string_view message);

}  // namespace sendonce::smtp
