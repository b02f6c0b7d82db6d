// Lines that wait for a message: they have carried one, or were opened ahead of the first.
//
// The thread that owned a line puts it here, and is asleep in one poll until the line is taken,
// ends, or has rested long enough; whoever has the next message for the same account takes it
// (`take`). A line that rests costs no wake-up.  Called by the line threads, and by the Lisp thread
// to close.

#pragma once

#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
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
  double quiet_since_wall = 0;  ///< the same by the clock that goes on while the machine sleeps

  /// Was it quiet for SPAN, by either clock?
  [[nodiscard]] bool quiet_for(Seconds span) const;
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
  /// A line for KEY on which nothing was heard, if one rests.  One that is expected is waited for,
  /// until it comes, or does not, or has taken too long, or CANCELLED is set and `interrupt`
  /// called.
  std::optional<KeptLine> take(const std::string& key, const std::atomic<bool>& cancelled);
  /// Lets those who wait in `take` look at their wish to cancel.
  void interrupt();
  /// The same, without waiting.
  std::optional<KeptLine> take_resting(const std::string& key);
  /// A line for KEY is being opened, or looked after, unless one rests that was heard of within
  /// SPAN, or that is being done already: then false.
  bool expect(const std::string& key, Seconds span);
  /// It is there (`put` came before), or will not be.
  void expect_no_more(const std::string& key);
  /// Ends those lines for KEY that have carried no message.
  void end_unused(const std::string& key);
  /// Ends all that rest.
  void end_resting();
  /// The same, and takes in no more.
  void close();

  // What was seen of the lines of KEY.  A message in one flight is beyond its commit point before
  // the server has said a word to it: it goes so only on lines of which it is known that they
  // outlive a message.
  /// Has a line answered after a message?
  [[nodiscard]] bool outlives_messages(const std::string& key);
  void note_outlives(const std::string& key);
  /// A line broke off after MESSAGES: that many are trusted to one from now on.
  void note_broke(const std::string& key, int messages);
  /// How many a line carries, as far as is known; 0: any number.
  [[nodiscard]] int most_messages(const std::string& key);

 private:
  struct Lore {
    bool outlives = false;
    int most_messages = 0;
  };
  struct State {
    std::map<std::string, Lore> lore;
    std::list<std::shared_ptr<Resting>> resting;
    std::set<std::string> expected;
    bool closed = false;
  };
  static std::optional<KeptLine> pick(State& state, const std::string& key);
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
