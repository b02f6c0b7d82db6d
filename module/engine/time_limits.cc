// See time_limits.hh.

#include "engine/time_limits.hh"

#include <algorithm>

namespace sendonce::engine {

namespace {

Seconds standard_limit(Phase phase) {
  switch (phase) {
    case Phase::resolve:
    case Phase::connect:
    case Phase::reset:
    case Phase::quit:
      return Seconds(30);
    case Phase::tls:
      return Seconds(60);
    case Phase::data:
      return Seconds(120);
    case Phase::body:
      return Seconds(180);
    case Phase::end_of_data:
      return Seconds(600);
    default:
      return Seconds(300);
  }
}

}  // namespace

Milliseconds time_limit(Phase phase, Seconds cap) {
  const Seconds limit = standard_limit(phase);
  if (cap.count() == 0 || phase == Phase::end_of_data) return limit;
  return std::min(limit, cap);
}

}  // namespace sendonce::engine
