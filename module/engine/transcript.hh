// What was said in one attempt, as text for people.
//
// Written by the delivery's thread, read by Lisp's at any time: it has its own lock.  Each line has
// its time and who spoke ("C:", "S:", or "*" for what happened).  The message is counted, not
// shown; a sign-in comes here redacted already.  Bounded: the middle of an endless dialogue is left
// out.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/redactor.hh"
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
  /// From now on what the server says goes through REDACTOR, which takes out what nobody may see;
  /// it must outlive the dialogue.  This and the next are for the delivery's thread only.
  void redact_with(const Redactor* redactor) { redactor_ = redactor; }
  /// What is written already goes through it once more, as it knows more now.
  void redact_again();

  [[nodiscard]] std::string text();

 private:
  static constexpr std::size_t max_size = 262144;

  struct Written {
    std::string text;
    std::uint64_t content = 0;  // octets of the message since the last line
    std::string server_line;    // what came without its line end yet
    bool full = false;
  };
  void add_server_line(Written& written, std::size_t kept);
  static void append(Written& written, std::string_view mark, std::string_view text);
  static void add(Written& written, std::string_view mark, std::string_view text);
  static void add_content(Written& written, bool completes);

  const Redactor* redactor_ = nullptr;
  Synchronised<Written> written_;
};

/// "2026-11-23 05:04:18 +0000": local time, for headings.
std::string local_time_text(double seconds);

}  // namespace sendonce::engine
