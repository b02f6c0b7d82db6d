// Retry schedules: the published ones come out of the functions, to the minute.

#include "engine/retry.hh"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace sendonce::engine {
namespace {

using Kind = Schedule::Kind;

constexpr double birth = 1'000'000;

/// Times of the first COUNT tries after the one at birth, in seconds since birth.
std::vector<double> tries(const Schedule& schedule, int count) {
  std::vector<double> times;
  double last = birth;
  for (int i = 1; i <= count; ++i) {
    last = next_try(schedule, birth, last, i, last);
    times.push_back(last - birth);
  }
  return times;
}

/// Minutes between one try and the next, rounded.
std::vector<int> minutes_between(const Schedule& schedule, int count) {
  std::vector<int> gaps;
  double before = 0;
  for (const double time : tries(schedule, count)) {
    gaps.push_back(static_cast<int>(std::lround((time - before) / 60)));
    before = time;
  }
  return gaps;
}

TEST(Quadratic, WithTwentyIsQmails) {
  const Schedule qmail{Kind::quadratic, 20, {}};
  EXPECT_EQ(tries(qmail, 4), (std::vector<double>{400, 1600, 3600, 6400}));
  EXPECT_EQ(minutes_between(qmail, 6), (std::vector<int>{7, 20, 33, 47, 60, 73}));
}

TEST(Quadratic, OursIsTwiceAsQuickAtFirst) {
  EXPECT_EQ(tries(Schedule{}, 3), (std::vector<double>{100, 400, 900}));
}

TEST(Constant, IsSendmailsHour) {
  EXPECT_EQ(tries({Kind::constant, 3600, {}}, 3), (std::vector<double>{3600, 7200, 10800}));
}

TEST(List, RepeatsItsLast) {
  // The site of FIELD.md: every ten minutes; and a list whose last interval goes on.
  EXPECT_EQ(tries({Kind::list, 0, {600, 3600}}, 3), (std::vector<double>{600, 4200, 7800}));
}

TEST(List, EmptyNeverHammers) {
  EXPECT_EQ(next_try({Kind::list, 0, {}}, birth, birth, 1, birth), birth + 1);
}

TEST(Any, ComesAfterNow) {
  // The machine slept for a day: the try is due at once, not a day ago.
  EXPECT_EQ(next_try(Schedule{}, birth, birth, 1, birth + 86400), birth + 86401);
}

TEST(Any, BearsAClockSetBack) {
  EXPECT_GE(next_try(Schedule{}, birth, birth - 5000, 3, birth - 5000), birth - 4999);
}

}  // namespace
}  // namespace sendonce::engine
