// What was said in one attempt, as text for people.
//
// Written by the delivery's thread, read by Lisp's at any time: it has its own lock.  Each line has
// its time and who spoke ("C:", "S:", or "*" for what happened).  The message is counted, not
// shown; a sign-in comes here redacted already.  Bounded: the middle of an endless dialogue is left
// out.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/synchronised.hh"

namespace sendonce::engine {

class Transcript {
 public:
  /// HEADING opens it: an attempt's number, day and server.
  explicit Transcript(std::string_view heading);

  void client(std::string_view bytes);
  void client_content(std::uint64_t octets, bool completes);
  void server(std::string_view bytes);
  void note(std::string_view text);
  /// From now on each line of the server's goes through REDACT, which takes out what nobody may
  /// see. Called, and REDACT is, only by the delivery's thread.
  void redact_with(std::function<std::string(std::string)> redact);

  [[nodiscard]] std::string text();

 private:
  static constexpr std::size_t max_size = 262144;

  struct Written {
    std::string text;
    std::uint64_t content = 0;  // octets of the message since the last line
    std::string server_line;    // what came without its line end yet
    bool full = false;
  };
  void add_server_line(Written& written);
  static void append(Written& written, std::string_view mark, std::string_view text);
  static void add(Written& written, std::string_view mark, std::string_view text);
  static void add_content(Written& written, bool completes);

  std::function<std::string(std::string)> redact_;
  Synchronised<Written> written_;
};

/// "2026-11-23 05:04:18 +0000": local time, for headings.
std::string local_time_text(double seconds);

}  // namespace sendonce::engine
