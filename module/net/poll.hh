// Waiting: the one place that calls poll(2).
//
// Called by any thread, for descriptors it owns.  Owns nothing, moves no bytes.  All waiting of
// net/ comes through here, so that every wait has a deadline and can be ended by a Wake.

#pragma once

#include <span>

#include "base/clock.hh"
#include "net/wake.hh"

namespace sendonce::net {

/// A descriptor, what is wanted of it, and (out) what can be done without blocking.  An error or a
/// hang-up shows as readiness for whatever was wanted: the call itself then tells what it is.
struct Interest {
  int descriptor = -1;
  bool read = false;
  bool write = false;
  bool readable = false;
  bool writable = false;
};

enum class Poll {
  ready,      ///< at least one interest is; wins over a deadline that has just passed
  timed_out,  ///< the deadline passed
  woken,      ///< WAKE was woken; wins over ready
  failed,     ///< poll(2) itself failed, errno says how
};

/// Waits for any of INTERESTS.  WAKE may be nullptr.
Poll poll_for(std::span<Interest> interests, Deadline deadline, const Wake* wake);

}  // namespace sendonce::net
