// Lines that have carried a message and wait for another.
//
// The thread that owned a line puts it here, and is asleep in one poll until the line is taken,
// ends, or has rested long enough; whoever has the next message for the same account takes it
// (`take`). A line that rests costs no wake-up.  Called by the line threads, and by the Lisp thread
// to close.

#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.hh"
#include "base/redactor.hh"
#include "base/synchronised.hh"
#include "engine/dialogue.hh"
#include "net/poll.hh"
#include "net/wake.hh"

namespace sendonce::engine {

/// A line that is ready for a message, and what belongs to it.
struct KeptLine {
  Dialogue dialogue;
  std::shared_ptr<net::Wake> wake;  ///< ends its waits
  Redactor redactor;                ///< of what was said on it
  std::string mechanism;            ///< it was signed in by; "" : none
  int messages = 0;                 ///< that it has carried
  SteadyClock::time_point quiet_since;
};

class LinePool {
 public:
  struct Resting;
  /// LINE may be taken from now on.  KEY: the text of the account's settings.  nullptr: it could
  /// not be kept, and was closed.
  std::shared_ptr<Resting> put(const std::string& key, KeptLine line);
  /// Returns when the line was taken, or else when it has ended: after SPAN, or before that if the
  /// server says anything.
  void rest(const std::shared_ptr<Resting>& resting, Seconds span);
  /// A line for KEY on which nothing was heard, if one rests.
  std::optional<KeptLine> take(const std::string& key);
  /// Ends all that rest, and takes in no more.
  void close();

 private:
  struct State {
    std::list<std::shared_ptr<Resting>> resting;
    bool closed = false;
  };
  std::optional<KeptLine> leave(const std::shared_ptr<Resting>& resting);

  Synchronised<State> state_;
};

struct LinePool::Resting {
  std::string key;
  std::optional<KeptLine> line;  ///< none: taken
  net::Wake wake;
  net::Interest interest;
};

}  // namespace sendonce::engine
