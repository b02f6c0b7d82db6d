// Time: monotonic deadlines for waiting, wall-clock seconds for records.  No thread of its own.

#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace sendonce {

using SteadyClock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;

/// A point on the monotonic clock by which something must have happened.
class Deadline {
 public:
  /// A span that goes beyond the clock's end is for ever.
  static Deadline after(Milliseconds span) {
    const auto now = SteadyClock::now();
    const bool fits = span < std::chrono::floor<Milliseconds>(SteadyClock::time_point::max() - now);
    return fits ? Deadline(now + span) : never();
  }
  /// A deadline that does not come.
  static Deadline never() { return Deadline(SteadyClock::time_point::max()); }

  [[nodiscard]] bool is_never() const { return at_ == SteadyClock::time_point::max(); }
  [[nodiscard]] bool passed() const { return !is_never() && SteadyClock::now() >= at_; }

  /// What is left as poll(2) wants it: milliseconds rounded up, 0 when passed, -1 for never.
  [[nodiscard]] int poll_timeout() const {
    if (is_never()) return -1;
    const auto left = std::chrono::ceil<Milliseconds>(at_ - SteadyClock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000'000));
  }

  [[nodiscard]] SteadyClock::time_point time() const { return at_; }
  [[nodiscard]] Deadline earlier_of(Deadline other) const {
    return Deadline(std::min(at_, other.at_));
  }

 private:
  explicit Deadline(SteadyClock::time_point at) : at_(at) {}
  SteadyClock::time_point at_;
};

/// The wall clock, seconds since the epoch; for records and schedules, never for deadlines.
inline double wall_clock() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace sendonce
