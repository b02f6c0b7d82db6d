// Which messages go by which line: how many lines a queue gets, who has to wait for whom, and what
// a wish to cancel one message costs the others.
//
//   queue-lines       a line a story; 0 if nothing was wrong
//
// Each story has a server of its own, which is slow or silent where the story wants it so; the
// lines are counted by its log, the messages by its ledger.

#include <atomic>
#include <cstdio>
#include <functional>
#include <optional>

#include "driver.hh"

namespace fault {
namespace {

using sendonce::Phase;
using sendonce::engine::EntryId;
using sendonce::outbox::State;

int wrong = 0;  // in all stories

class Story {
 public:
  explicit Story(const char* name, const std::vector<std::string>& options = {})
      : name_(name),
        peer_(scratch_.path() / "peer",
              [&] {
                std::vector<std::string> all = {"--tls", "plain"};
                all.insert(all.end(), options.begin(), options.end());
                return all;
              }()),
        settings_(settings_for(peer_, "plain")) {}

  ~Story() {
    if (client_) client_->stop();
    std::printf("%-60s %s\n", name_, wrong_ == 0 ? "ok" : "WRONG");
    (void)std::fflush(stdout);
    wrong += wrong_;
  }
  Story(const Story&) = delete;
  Story& operator=(const Story&) = delete;

  Peer& peer() { return peer_; }
  Client& client() { return *client_; }
  [[nodiscard]] fs::path outbox() const { return scratch_.path() / "outbox"; }
  [[nodiscard]] const std::string& settings() const { return settings_; }
  void add_setting(const std::string& line) { settings_ += line + "\n"; }

  std::vector<EntryId> put(int count) { return queue(outbox(), settings_, count); }
  EntryId send() { return client_->send(settings_, {"r@s.example"}); }
  void open() { client_.emplace(outbox()); }
  void wait(const std::vector<EntryId>& ids) {
    for (const EntryId id : ids) client_->wait(id);
  }
  void until(const std::function<bool()>& come) { client_->until(peer_, come); }
  /// Waits until the server has taken so many connections.
  void until_lines(int count) {
    until([&] { return peer_.connections() >= count; });
  }
  void until_committing(int count) {
    until([&] { return client_->engine().running().second >= count; });
  }

  void expect(bool good, const std::string& what) {
    if (good) return;
    ++wrong_;
    std::printf("WRONG, %s: %s\n", name_, what.c_str());
  }
  void expect_lines(int count) {
    const int taken = peer_.connections();
    expect(taken == count, std::to_string(taken) + " lines, not " + std::to_string(count));
  }
  /// Its state, and what the ledger has to say to that.
  void expect_state(EntryId id, State wanted) {
    const auto entry = client_->engine().outbox().entry(id);
    if (!entry || !entry->has_value()) die("an entry is lost");
    const State state = (*entry)->state;
    expect(state == wanted, "message " + std::to_string(id) + " is " +
                                std::string(sendonce::outbox::state_name(state)));
    if (wanted != State::in_doubt)
      expect(peer_.times((*entry)->message_id) == (wanted == State::sent ? 1 : 0),
             "message " + std::to_string(id) + " and the ledger differ");
  }

 private:
  const char* name_;
  Scratch scratch_;
  Peer peer_;
  std::string settings_;
  std::optional<Client> client_;
  int wrong_ = 0;
};

// --- how many lines

void a_long_queue_takes_two() {
  Story story("twenty to one server take two lines", {"--delay", "3"});
  const auto ids = story.put(20);
  story.open();
  story.wait(ids);
  for (const EntryId id : ids) story.expect_state(id, State::sent);
  story.expect_lines(2);
}

void a_short_queue_takes_one() {
  Story story("five to one server take one line", {"--delay", "3"});
  const auto ids = story.put(5);
  story.open();
  story.wait(ids);
  for (const EntryId id : ids) story.expect_state(id, State::sent);
  story.expect_lines(1);
}

void the_third_waits() {
  Story story("what is just sent takes a second line, and no third");
  story.peer().follow("at EOD 1: delay 1000; continue\n");
  story.open();
  std::vector<EntryId> ids = {story.send()};
  story.until_committing(1);  // before that it would follow on the same line
  ids.push_back(story.send());
  story.until_lines(2);
  for (int i = 0; i < 4; ++i) ids.push_back(story.send());
  story.wait(ids);
  for (const EntryId id : ids) story.expect_state(id, State::sent);
  story.expect_lines(2);
}

/// One that was cancelled while it waited for a line must not be taken for one just sent, for ever.
void the_cancelled_wants_no_line() {
  Story story("one cancelled while it waits wants no line any more");
  story.peer().follow("at EOD: delay 1000; continue\n");
  story.open();
  std::vector<EntryId> ids = {story.send()};
  story.until_committing(1);
  ids.push_back(story.send());
  story.until_committing(2);
  const EntryId waits = story.send();
  const auto entirely = story.client().engine().cancel(waits);
  story.expect(entirely && *entirely, "it could not be cancelled");
  story.wait(ids);
  story.expect_state(waits, State::cancelled);
  story.peer().follow("at greeting: delay 50; continue\n");
  const auto more = story.put(5);
  (void)story.client().engine().flush(std::nullopt);
  story.wait(more);
  story.expect_lines(3);
}

void servers_do_not_wait_for_each_other() {
  Story silent("two servers are served at once: one that is silent");
  silent.peer().follow("at EOD: stall\n");
  const auto stuck = silent.put(3);
  Story other("two servers are served at once: the other");
  const auto ids = queue(silent.outbox(), other.settings(), 3);
  silent.open();
  silent.wait(ids);
  silent.until_committing(1);
  silent.expect(silent.client().state(stuck.front()) == State::sending, "the first is not stuck");
  for (const EntryId id : ids)
    silent.expect(silent.client().state(id) == State::sent, "not sent by the other server");
  silent.expect_lines(1);
  other.expect_lines(1);
}

// --- a wish to cancel

/// It was claimed for the line, and not begun: that costs the line nothing.
void a_follower_is_cancelled_before_its_turn() {
  Story story("a follower cancelled before its turn costs no line");
  story.peer().follow("at EOD 1: delay 1000; continue\n");
  story.add_setting("window=1");
  const auto ids = story.put(3);
  story.open();
  story.until_committing(1);
  story.until([&] { return story.client().state(ids[1]) == State::sending; });
  (void)story.client().engine().cancel(ids[1]);
  story.wait(ids);
  story.expect_state(ids[0], State::sent);
  story.expect_state(ids[1], State::cancelled);
  story.expect_state(ids[2], State::sent);
  story.expect_lines(1);
}

/// With DATA its envelope would go with the end of the one before it; the wish comes just before.
void a_follower_is_cancelled_before_its_envelope() {
  Story story("a follower cancelled before its envelope costs no line", {"--no-chunking"});
  story.peer().follow("at greeting: delay 1000; continue\n");
  const auto ids = story.put(3);
  story.open();
  std::atomic<bool> wished = false;
  story.client().sink().tell_progress([&](const sendonce::engine::Progress& progress) {
    const bool hands_over = progress.entry == ids[0] && progress.phase == Phase::body;
    if (hands_over && !wished.exchange(true)) (void)story.client().engine().cancel(ids[1]);
  });
  story.wait(ids);
  story.expect(wished, "there was no wish");
  story.expect_state(ids[0], State::sent);
  story.expect_state(ids[1], State::cancelled);
  story.expect_state(ids[2], State::sent);
  story.expect_lines(1);
}

/// Its envelope is said: it ends with the line, and leaves those before and after it alone.
void a_follower_is_cancelled_after_its_envelope() {
  Story story("a follower cancelled after its envelope leaves the others", {"--no-chunking"});
  story.peer().follow("connection 1 at EOD 1: delay 1000; continue\n");
  const auto ids = story.put(3);
  story.open();
  story.until_committing(1);
  story.until([&] {
    const auto said = story.client().engine().transcript(ids[1]);
    return said && said->find("MAIL FROM") != std::string::npos;
  });
  (void)story.client().engine().cancel(ids[1]);
  story.wait(ids);
  story.expect_state(ids[0], State::sent);
  story.expect_state(ids[1], State::cancelled);
  story.expect_state(ids[2], State::sent);
}

/// The line closes under two; the first of them is cancelled while a new line is taken for both.
void the_head_is_cancelled() {
  Story story("followers of a cancelled head go on");
  story.peer().follow(
      "connection 1 at EOD 2: say \"421 4.3.2 bye\\r\\n\"; drop\n"
      "connection 2 at greeting: stall\n");
  const auto ids = story.put(3);
  story.open();
  story.until_lines(2);
  story.until([&] { return story.client().state(ids[2]) == State::sending; });
  const auto entirely = story.client().engine().cancel(ids[1]);
  story.expect(entirely && *entirely, "it could not be cancelled");
  story.wait(ids);
  story.expect_state(ids[0], State::sent);
  story.expect_state(ids[1], State::cancelled);
  story.expect_state(ids[2], State::sent);
  story.expect_lines(3);
}

// --- Emacs is left

void a_follower_is_left_due() {
  Story story("leaving Emacs leaves a follower deferred, and due");
  story.peer().follow("at EOD: stall\n");
  const auto ids = story.put(3);
  story.open();
  story.until_committing(1);
  story.until([&] { return story.client().state(ids[1]) == State::sending; });
  story.client().stop();
  story.peer().follow("");
  const double now = sendonce::wall_clock();
  {
    auto outbox = sendonce::outbox::Outbox::open(story.outbox().string());
    if (!outbox) die(outbox.error().message);
    const auto left = (*outbox)->entry(ids[1]).value().value();
    story.expect(left.state == State::deferred, "not deferred");
    story.expect(left.next_try > 0 && left.next_try <= now, "not due");
  }
  story.client().open();
  story.wait({ids[1], ids[2]});
  story.expect_state(ids[0], State::in_doubt);
  story.expect_state(ids[1], State::sent);
  story.expect_state(ids[2], State::sent);
}

}  // namespace
}  // namespace fault

int main() {
  fault::a_long_queue_takes_two();
  fault::a_short_queue_takes_one();
  fault::the_third_waits();
  fault::the_cancelled_wants_no_line();
  fault::servers_do_not_wait_for_each_other();
  fault::a_follower_is_cancelled_before_its_turn();
  fault::a_follower_is_cancelled_before_its_envelope();
  fault::a_follower_is_cancelled_after_its_envelope();
  fault::the_head_is_cancelled();
  fault::a_follower_is_left_due();
  return fault::wrong == 0 ? 0 : 1;
}
