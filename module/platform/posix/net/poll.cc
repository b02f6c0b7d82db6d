// See net/poll.hh.  poll(2).

#include "net/poll.hh"

#include <poll.h>

#include <cerrno>
#include <vector>

namespace sendonce::net {

namespace {

constexpr short troubles = POLLERR | POLLHUP | POLLNVAL;

pollfd to_pollfd(const Interest& interest) {
  const int events = (interest.read ? POLLIN : 0) | (interest.write ? POLLOUT : 0);
  return {interest.descriptor, static_cast<short>(events), 0};
}

std::vector<pollfd> to_pollfds(std::span<const Interest> interests, const Wake* wake) {
  std::vector<pollfd> polled;
  polled.reserve(interests.size() + 1);
  for (const Interest& interest : interests) polled.push_back(to_pollfd(interest));
  if (wake != nullptr) polled.push_back({wake->descriptor(), POLLIN, 0});
  return polled;
}

// Sleeps until something is ready or DEADLINE has passed; what poll(2) gives.
int sleep_on(std::vector<pollfd>& polled, Deadline deadline) {
  for (;;) {
    const int count = ::poll(polled.data(), polled.size(), deadline.poll_timeout());
    if (count > 0) return count;
    if (count < 0 && errno != EINTR) return count;
    if (count == 0 && deadline.passed()) return 0;
  }
}

void report(std::span<Interest> interests, const std::vector<pollfd>& polled) {
  for (std::size_t i = 0; i < interests.size(); ++i) {
    const int events = polled[i].revents;
    interests[i].readable = interests[i].read && (events & (POLLIN | troubles)) != 0;
    interests[i].writable = interests[i].write && (events & (POLLOUT | troubles)) != 0;
  }
}

}  // namespace

Poll poll_for(std::span<Interest> interests, Deadline deadline, const Wake* wake) {
  std::vector<pollfd> polled = to_pollfds(interests, wake);
  const int count = sleep_on(polled, deadline);
  if (count < 0) return Poll::failed;
  report(interests, polled);
  if (wake != nullptr && polled.back().revents != 0) return Poll::woken;
  return count == 0 ? Poll::timed_out : Poll::ready;
}

}  // namespace sendonce::net
