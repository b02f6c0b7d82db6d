// Replies of an SMTP server (RFC 5321 4.2), read strictly and in bounded memory.
//
// Pure: bytes in, replies out.  Used by session.cc only.  A reply is complete or it is nothing;
// what cannot be a reply is an error that quotes what was read, and then the parser stays in error:
// there is no way to find the beginning of the next reply again.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hh"

namespace sendonce::smtp {

/// An enhanced status code, "5.7.8" (RFC 3463).
struct EnhancedStatus {
  int status_class = 0;  ///< 2, 4 or 5
  int subject = 0;       ///< 0 to 999
  int detail = 0;        ///< 0 to 999
  bool operator==(const EnhancedStatus&) const = default;
  [[nodiscard]] std::string text() const;
};

/// One complete reply.
struct Reply {
  int code = 0;                    ///< 200 to 599
  std::vector<std::string> lines;  ///< texts after the separator, as read; at least one, may be ""

  /// First digit: 2 positive, 3 intermediate, 4 transient, 5 permanent.
  [[nodiscard]] int reply_class() const { return code / 100; }
  /// The enhanced status code of the first line that has one of this reply's class (RFC 2034).
  [[nodiscard]] std::optional<EnhancedStatus> enhanced() const;
  /// The lines without enhanced status codes, joined by one space: for people.
  [[nodiscard]] std::string text() const;
  /// "550 5.1.1 No such user": code, enhanced status code if any, text.
  [[nodiscard]] std::string summary() const;
};

/// Splits an enhanced status code of class STATUS_CLASS off the front of LINE; LINE is then the
/// rest.
std::optional<EnhancedStatus> take_enhanced_status(std::string_view& line, int status_class);

class ReplyParser {
 public:
  static constexpr std::size_t max_line = 4096;  ///< octets with CRLF; RFC 5321 4.5.3.1.5 says 512
  static constexpr std::size_t max_reply = 65536;  ///< octets of one reply

  void feed(std::string_view bytes);
  /// The next complete reply; nullopt when more bytes are needed.  Error: Cause::protocol, for
  /// good.
  Result<std::optional<Reply>> next();
  /// Has it bytes that belong to no reply given out yet?
  [[nodiscard]] bool has_leftover() const { return !buffer_.empty() || !partial_.lines.empty(); }

 private:
  Result<std::optional<std::string>> take_line();
  Status add_line(std::string_view line, bool& last);

  std::string buffer_;
  Reply partial_;  // lines read so far of a multi-line reply
  std::size_t partial_size_ = 0;
  std::optional<Error> broken_;
};

}  // namespace sendonce::smtp
