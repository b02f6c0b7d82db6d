// Many Emacsen on one outbox: several processes send at once, are killed at random and started
// again.
//
//   many-senders           4 processes, 200 messages; 0: nothing wrong
//
// In the end every message is in the ledger exactly once, or in doubt and at most once.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <random>

#include "driver.hh"

namespace fault {
namespace {

using sendonce::outbox::Entry;
using sendonce::outbox::State;

constexpr int processes = 4;
constexpr int messages_each = 50;

/// A process that sends COUNT messages one after the other and says so, a byte each, on CHANNEL.
[[noreturn]] void sender(const std::string& outbox, const std::string& settings, int count,
                         int channel) {
  Client client(outbox);
  for (int i = 0; i < count; ++i) {
    const auto id = client.send(settings, {"r@s.example"});
    if (::write(channel, "e", 1) != 1) std::_Exit(1);  // durable from here on
    client.wait_at_rest(id);
  }
  client.stop();
  std::_Exit(0);
}

class Crowd {
 public:
  Crowd()
      : peer_(scratch_.path() / "peer", {"--tls", "plain"}),
        outbox_((scratch_.path() / "outbox").string()) {}

  int run() {
    std::array<int, processes> left{};
    left.fill(messages_each);
    while (send_some(left)) {
    }
    return judge();
  }

 private:
  /// One generation: each process sends what it has left, and is killed after a random number of
  /// messages, most of the time.  False when nobody has anything left.
  bool send_some(std::array<int, processes>& left) {
    std::array<pid_t, processes> children{};
    std::array<std::array<int, 2>, processes> channels{};
    bool any = false;
    for (std::size_t i = 0; i < processes; ++i) {
      if (left[i] == 0) continue;
      any = true;
      if (::pipe(channels[i].data()) != 0) die("no pipe");
      children[i] = ::fork();
      if (children[i] == 0) sender(outbox_, settings_for(peer_, "plain"), left[i], channels[i][1]);
      ::close(channels[i][1]);
    }
    for (std::size_t i = 0; i < processes; ++i) {
      if (children[i] != 0)
        left[i] -= reap(children[i], channels[i][0], 1 + static_cast<int>(random_() % 20));
    }
    return any;
  }

  /// Kills CHILD once it has enqueued so many; returns how many it has in the end.
  int reap(pid_t child, int channel, int so_many) {
    int enqueued = 0;
    char c = 0;
    while (::read(channel, &c, 1) == 1) {
      if (++enqueued == so_many) {
        ::kill(child, SIGKILL);
        ++kills_;
      }
    }
    ::close(channel);
    ::waitpid(child, nullptr, 0);
    enqueued_ += enqueued;
    return enqueued;
  }

  /// The survivors' turn: a last process flushes what the dead have left.
  int judge() {
    Client last(outbox_);
    auto before = last.engine().outbox().entries();
    if (!before) die(before.error().message);
    (void)last.engine().flush(std::nullopt);
    for (const Entry& entry : *before) {
      if (entry.state != State::sent && entry.state != State::in_doubt) last.wait(entry.id);
    }
    auto entries = last.engine().outbox().entries();
    if (!entries) die(entries.error().message);
    for (const Entry& entry : *entries) judge_one(entry);
    const int found = static_cast<int>(entries->size());
    // A child killed between the commit and its byte has one more in the outbox than it could say.
    if (found < enqueued_ || found > enqueued_ + kills_)
      wrong("the outbox has " + std::to_string(found) + " entries");
    last.stop();
    std::printf("%d messages from %d processes, %d kills: %d sent, %d in doubt; %d wrong\n", found,
                processes, kills_, sent_, doubt_, wrong_);
    return wrong_ == 0 ? 0 : 1;
  }

  void judge_one(const Entry& entry) {
    const int times = peer_.times(entry.message_id);
    const std::string state(sendonce::outbox::state_name(entry.state));
    sent_ += entry.state == State::sent ? 1 : 0;
    doubt_ += entry.state == State::in_doubt ? 1 : 0;
    const bool good =
        entry.state == State::sent ? times == 1 : entry.state == State::in_doubt && times <= 1;
    if (!good)
      wrong(entry.message_id + " is " + state + " and in the ledger " + std::to_string(times) +
            " times");
  }

  void wrong(const std::string& what) {
    ++wrong_;
    std::printf("WRONG: %s\n", what.c_str());
  }

  Scratch scratch_;
  Peer peer_;
  std::string outbox_;
  std::mt19937 random_{20261123};  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same kills each time
  int kills_ = 0, enqueued_ = 0, sent_ = 0, doubt_ = 0, wrong_ = 0;
};

}  // namespace
}  // namespace fault

int main() { return fault::Crowd().run(); }
