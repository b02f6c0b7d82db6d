// From addresses to a connection: `interleave` and `connect_any` of connect.hh.
//
// A Race is one poll loop over all attempts under way.  It starts an attempt when none is under way
// or 250 ms after the last start (RFC 8305 section 5), ends with the first that connects, and
// closes the others by dying.

#include "net/connect.hh"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "net/poll.hh"
#include "net/socket.hh"

namespace sendonce::net {

namespace {

constexpr Milliseconds attempt_delay{250};  // RFC 8305 section 5

struct Attempt {
  const Endpoint* endpoint = nullptr;
  Descriptor socket;
};

struct Failure {
  const Endpoint* endpoint = nullptr;
  int error = 0;
};

class Race {
 public:
  Race(const std::vector<Endpoint>& endpoints, Deadline deadline, const Wake& wake)
      : endpoints_(endpoints), deadline_(deadline), wake_(wake) {}

  Result<Descriptor> run();

 private:
  [[nodiscard]] bool all_started() const { return started_ == endpoints_.size(); }
  void start_due();
  void start_next();
  [[nodiscard]] Deadline next_event() const;
  std::vector<Interest> wait(Poll& end) const;
  Descriptor settle(const std::vector<Interest>& interests);
  void give_up_all(int error);
  [[nodiscard]] Cause cause() const;
  [[nodiscard]] tl::unexpected<Error> lost() const;

  const std::vector<Endpoint>& endpoints_;
  Deadline deadline_;
  const Wake& wake_;
  std::size_t started_ = 0;
  Deadline next_start_ = Deadline::never();
  std::vector<Attempt> attempts_;
  std::vector<Failure> failures_;
};

void Race::start_next() {
  const Endpoint& endpoint = endpoints_[started_++];
  Connecting connecting = start_connect(endpoint);
  if (connecting.error != 0) {
    failures_.push_back({&endpoint, connecting.error});
    return;
  }
  attempts_.push_back({&endpoint, std::move(connecting.socket)});
  next_start_ = Deadline::after(attempt_delay);
}

void Race::start_due() {
  while (!all_started() && (attempts_.empty() || next_start_.passed())) start_next();
}

Deadline Race::next_event() const {
  return all_started() ? deadline_ : deadline_.earlier_of(next_start_);
}

std::vector<Interest> Race::wait(Poll& end) const {
  std::vector<Interest> interests;
  for (const Attempt& attempt : attempts_) interests.push_back({attempt.socket.get(), false, true});
  end = poll_for(interests, next_event(), &wake_);
  return interests;
}

// Collects the attempts that ended: the winner's socket if there is one, failures into the list.
Descriptor Race::settle(const std::vector<Interest>& interests) {
  for (std::size_t i = interests.size(); i-- > 0;) {
    if (!interests[i].writable) continue;
    const int error = connect_outcome(attempts_[i].socket.get());
    if (error == 0) return std::move(attempts_[i].socket);
    failures_.push_back({attempts_[i].endpoint, error});
    attempts_.erase(attempts_.begin() + static_cast<std::ptrdiff_t>(i));
    next_start_ =
        Deadline::after(Milliseconds(0));  // RFC 8305 section 5: a failure starts the next
  }
  return {};
}

void Race::give_up_all(int error) {
  for (const Attempt& attempt : attempts_) failures_.push_back({attempt.endpoint, error});
  attempts_.clear();
}

Cause Race::cause() const {
  const auto any = [this](Cause cause) {
    return std::any_of(failures_.begin(), failures_.end(),
                       [cause](const Failure& f) { return connect_cause(f.error) == cause; });
  };
  if (any(Cause::connection_refused)) return Cause::connection_refused;
  return any(Cause::timed_out) ? Cause::timed_out : Cause::unreachable;
}

tl::unexpected<Error> Race::lost() const {
  std::string message;
  for (const Failure& failure : failures_) {
    if (!message.empty()) message += "; ";
    message += failure.endpoint->text() + " " + socket_words(failure.error);
  }
  if (message.empty()) message = "there is no address to connect to";
  return fail(cause(), Phase::connect, std::move(message));
}

Result<Descriptor> Race::run() {
  for (;;) {
    start_due();
    if (attempts_.empty()) return lost();
    Poll end = Poll::failed;
    const std::vector<Interest> interests = wait(end);
    if (end == Poll::woken) return fail(Cause::cancelled, Phase::connect, "cancelled");
    if (end == Poll::failed) return fail(Cause::internal, Phase::connect, "poll failed");
    if (Descriptor winner = settle(interests); winner.valid()) return winner;
    if (deadline_.passed()) {
      give_up_all(ETIMEDOUT);
      return lost();
    }
  }
}

}  // namespace

std::vector<Endpoint> interleave(std::vector<Endpoint> endpoints) {
  if (endpoints.empty()) return endpoints;
  const int family = endpoints.front().family;
  const auto others =
      std::stable_partition(endpoints.begin(), endpoints.end(),
                            [family](const Endpoint& e) { return e.family == family; });
  std::vector<Endpoint> mixed;
  auto first = endpoints.begin();
  auto second = others;
  while (first != others || second != endpoints.end()) {
    if (first != others) mixed.push_back(std::move(*first++));
    if (second != endpoints.end()) mixed.push_back(std::move(*second++));
  }
  return mixed;
}

Result<Descriptor> connect_any(const std::vector<Endpoint>& endpoints, Deadline deadline,
                               const Wake& wake) {
  return Race(endpoints, deadline, wake).run();
}

}  // namespace sendonce::net
