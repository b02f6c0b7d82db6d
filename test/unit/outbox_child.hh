// Another process on an outbox, to be killed.  outbox_child.cc in posix/ and windows/.

#pragma once

#include <memory>
#include <string>

namespace sendonce::outbox {

/// A stage that goes on for ever: it sends, and keeps a diary (outbox_diary.hh).
constexpr int sends_on = 4;

/// Enqueues an entry in the outbox of DIRECTORY and takes it as far as STAGE: 0 queued, 1 claimed,
/// 2 committed, 3 finished.  What it has is kept for the rest of the process, which no destructor
/// ends.  Or STAGE is `sends_on`: another thread is at it when this returns.
void go(const std::string& directory, int stage);

/// A child that does `go`, says so, and then waits to be killed.
class Child {
 public:
  Child(const std::string& directory, int stage);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  /// Sleeps until the child has done its work, or is about to begin what has no end.
  void wait_ready();
  void kill();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sendonce::outbox
