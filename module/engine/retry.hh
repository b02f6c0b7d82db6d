// When to try again: pure functions of (schedule, birth, last try, now).  All times are seconds
// since the epoch on the wall clock; spans are seconds.

#pragma once

#include <vector>

namespace sendonce::engine {

struct Schedule {
  enum class Kind { quadratic, constant, list };
  Kind kind = Kind::quadratic;
  /// quadratic: c of next = birth + (c + sqrt(last - birth))^2, as qmail has it with c = 20;
  /// constant: the interval in seconds.
  double number = 10;
  /// list: intervals in seconds, the last one repeats.
  std::vector<double> intervals;
};

/// When an entry born at BIRTH and last tried at LAST, for the TRIES-th time, is to be tried again.
/// Never before NOW + 1: a clock that was set back makes nobody hammer a server.
double next_try(const Schedule& schedule, double birth, double last, int tries, double now);

}  // namespace sendonce::engine
