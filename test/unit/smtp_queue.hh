// A Driver whose messages follow each other as closely as the session allows.

#pragma once

#include <string>

#include "smtp_driver.hh"

namespace sendonce::smtp {

inline SessionOptions with_window(std::size_t window) {
  SessionOptions options = plain_options();
  options.window = window;
  return options;
}

struct Queue : Driver {
  explicit Queue(int count, std::size_t window = 1) : Driver(with_window(window)) {
    messages = count;
    follows = true;
  }
};

inline const std::string go_on = "354 go\r\n";
/// To MAIL, one RCPT and DATA.
inline const std::string let_in = ok + ok + go_on;
/// A message of two pieces that is too large for one flight begins with this one.
inline const std::string large(70000, 'x');
inline const Error cut = {Cause::connection_lost, Phase::none, "cut", ""};

}  // namespace sendonce::smtp
