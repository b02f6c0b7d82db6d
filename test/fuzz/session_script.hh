// The input of the session's fuzz target, as an owner, a line and a server that play it.
//
// The first line has one letter an option: i s o n (TLS: implicit, starttls, opportunistic, none),
// p and c (without pipelining, chunking), a (the account signs in), u (the last recipient is not
// ASCII), b (a message that is too large for one flight), m (messages follow each other where the
// session takes another), v w x (a window of two, three, four), a digit (how many recipients).  All
// else is lines of the server, said one each time the session waits, but for those that begin with
// "!":
//
//   !l       the line is lost           !w       withdraw when the commit point follows
//   !q       quit instead of a message  !k       skip the next sign-in
//   !a       abort at the next challenge
//   !h       the next line is heard along with this one
//   !tN      the kernel takes N octets of what is sent next, then the next line is heard
//   !mN      the message comes in pieces of N octets from now on
//   !rN      the next line is said N times (at most 1000)
//   !!...    a line of the server that begins with "!"
//
// A server that has nothing more to say has left.

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "smtp/session.hh"

namespace fuzz {

class SessionScript {
 public:
  explicit SessionScript(std::string_view text);

  struct Setup {
    sendonce::smtp::SessionOptions options;
    std::size_t recipients = 1;
    bool international = false;
    bool large = false;
    bool follows = false;
  };
  [[nodiscard]] const Setup& setup() const { return setup_; }

  /// What the server says next; nullopt: the line is gone.
  std::optional<std::string> hear();
  /// Carries out decisions up to the server's next words.
  void decide();

  /// Each is true once for each time the script says so.
  bool withdraws() { return taken(withdraws_); }
  bool quits() { return taken(quits_); }
  bool skips_sign_in() { return taken(skips_); }
  bool aborts() { return taken(aborts_); }
  /// How much of SIZE octets the kernel takes before the server speaks.
  std::size_t takes(std::size_t size);
  [[nodiscard]] std::size_t piece() const { return piece_; }

 private:
  static bool taken(bool& wish);
  void option(char letter);
  void decision(std::string_view line);
  std::string_view peek() const;

  Setup setup_;
  std::string_view text_;
  bool lost_ = false;
  bool withdraws_ = false;
  bool quits_ = false;
  bool skips_ = false;
  bool aborts_ = false;
  bool along_ = false;
  std::optional<std::size_t> takes_;
  std::size_t piece_ = 1000;
  std::size_t repeats_ = 1;
};

}  // namespace fuzz
