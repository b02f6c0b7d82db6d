// See net/poll.hh.  select, since WSAPoll of Windows before 10 (2004) does not tell of a connection
// that failed.  Here an fd_set is a list of sockets, so that it does not matter how large they are;
// `most` is far more than any of our waits has.

#define FD_SETSIZE 256

#include "net/poll.hh"

#include <algorithm>

#include "net/sockets.hh"

namespace sendonce::net {

namespace {

constexpr int most = FD_SETSIZE;

struct Sets {
  fd_set readable{};
  fd_set writable{};
  fd_set failed{};  ///< a connection that could not be made shows here alone
};

void add(fd_set& set, SOCKET socket) { set.fd_array[set.fd_count++] = socket; }

bool has(const fd_set& set, SOCKET socket) {
  const SOCKET* const end = set.fd_array + set.fd_count;
  return std::find(set.fd_array, end, socket) != end;
}

Sets to_sets(std::span<const Interest> interests, const Wake* wake) {
  Sets sets;
  for (const Interest& interest : interests) {
    const SOCKET socket = to_socket(interest.descriptor);
    if (interest.read) add(sets.readable, socket);
    if (interest.write) add(sets.writable, socket);
    if (interest.write) add(sets.failed, socket);
  }
  if (wake != nullptr) add(sets.readable, to_socket(wake->descriptor()));
  return sets;
}

// select refuses to wait for nothing at all.
int wait_once(Sets& sets, int milliseconds) {
  if (sets.readable.fd_count + sets.writable.fd_count == 0) {
    ::Sleep(milliseconds < 0 ? INFINITE : static_cast<unsigned long>(milliseconds));
    return 0;
  }
  timeval limit{milliseconds / 1000, milliseconds % 1000 * 1000};
  return ::select(0, &sets.readable, &sets.writable, &sets.failed,
                  milliseconds < 0 ? nullptr : &limit);
}

// Sleeps until something is ready or DEADLINE has passed; what select gives.  It forgets what it
// was asked for, so each time begins with the whole.
int sleep_on(const Sets& wanted, Sets& found, Deadline deadline) {
  for (;;) {
    found = wanted;
    const int count = wait_once(found, deadline.poll_timeout());
    if (count != 0 || deadline.passed()) return count;
  }
}

void report(std::span<Interest> interests, const Sets& found) {
  for (Interest& interest : interests) {
    const SOCKET socket = to_socket(interest.descriptor);
    const bool failed = has(found.failed, socket);
    interest.readable = interest.read && (failed || has(found.readable, socket));
    interest.writable = interest.write && (failed || has(found.writable, socket));
  }
}

}  // namespace

Poll poll_for(std::span<Interest> interests, Deadline deadline, const Wake* wake) {
  if (interests.size() >= most) return Poll::failed;
  need_sockets();
  const Sets wanted = to_sets(interests, wake);
  Sets found;
  const int count = sleep_on(wanted, found, deadline);
  if (count == SOCKET_ERROR) return Poll::failed;
  if (count == 0) found = {};
  report(interests, found);
  if (wake != nullptr && has(found.readable, to_socket(wake->descriptor()))) return Poll::woken;
  return count == 0 ? Poll::timed_out : Poll::ready;
}

}  // namespace sendonce::net
