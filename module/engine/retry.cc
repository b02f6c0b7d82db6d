// See retry.hh.

#include "engine/retry.hh"

#include <algorithm>
#include <cmath>

namespace sendonce::engine {

namespace {

double quadratic(double c, double birth, double last) {
  const double root = c + std::sqrt(std::max(0.0, last - birth));
  return birth + root * root;
}

double listed(const std::vector<double>& intervals, double last, int tries) {
  if (intervals.empty()) return last;
  const auto place = static_cast<std::size_t>(std::max(0, tries - 1));
  return last + intervals[std::min(place, intervals.size() - 1)];
}

}  // namespace

double next_try(const Schedule& schedule, double birth, double last, int tries, double now) {
  double next = 0;
  switch (schedule.kind) {
    case Schedule::Kind::quadratic:
      next = quadratic(schedule.number, birth, last);
      break;
    case Schedule::Kind::constant:
      next = last + schedule.number;
      break;
    case Schedule::Kind::list:
      next = listed(schedule.intervals, last, tries);
      break;
  }
  return std::max(next, now + 1);
}

}  // namespace sendonce::engine
