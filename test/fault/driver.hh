// What the fault tests share: the peer as a child process, and an engine without Emacs.
//
// Used from one thread.  A failed set-up ends the program with a sentence: a fault test that cannot
// run has not passed.

#pragma once

#include <sys/types.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/synchronised.hh"
#include "engine/engine.hh"

namespace fault {

namespace fs = std::filesystem;

[[noreturn]] void die(const std::string& why);

/// A new directory, in memory where there is such a file system: these tests are about what is
/// written, not about disks.  Removed with everything in it at the end.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// The scriptable server (test/peer): SENDONCE_PEER names its program.
class Peer {
 public:
  Peer(const fs::path& directory, const std::vector<std::string>& options);
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  /// What it does from the next connection on.
  void follow(const std::string& scenario);
  /// Messages that it has accepted so far.
  int accepted();
  /// How often it has accepted the message of this Message-ID.
  int times(const std::string& message_id);
  /// Connections that it has taken so far; they are counted from 1.
  int connections();
  /// Returns when it has noted the end, or the stall, of one more connection than BEFORE.
  void wait_for_end(int before);
  int ends();
  /// The same of connections that ended, or stalled, where the scenario cuts: others may end late.
  void wait_for_cut(int before);
  int cuts();
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] const fs::path& directory() const { return directory_; }

 private:
  fs::path directory_;
  pid_t process_ = -1;
  int input_ = -1;
  int port_ = 0;
  int accepted_ = 0;
  int read_ = 0;  // of those accepted
  std::map<std::string, int> times_;
  std::ifstream log_;
  int connections_ = 0;
};

std::string slurp(const fs::path& file);

/// Returns when COME says so; it is asked again whenever a file in one of DIRECTORIES has changed
/// or, if MORE is given, that descriptor can be read (it is emptied).
void wait_for_change(const std::vector<fs::path>& directories, const std::function<bool()>& come,
                     int more = -1);

/// Takes the engine's events; answers questions as Emacs would.
class Sink final : public sendonce::engine::EventSink {
 public:
  Sink();
  ~Sink() override;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  void post(sendonce::engine::Event event) override;
  /// An eventfd that counts what was posted.
  [[nodiscard]] int posted() const { return posted_; }
  /// Returns when an attempt at ID has ended that was not waited for before.
  void wait_for_end(sendonce::engine::EntryId id);
  /// Questions wait until it is known whom to answer: an engine is at work as soon as it is made.
  void serve(sendonce::engine::Engine* engine);
  /// Passwords are made by MAKE ("secret" if it was never said); say so before the first send.
  void answer_with(std::function<sendonce::Secret()> make) { password_ = std::move(make); }
  /// Told of each progress, on the thread that makes it; say so before the first send.
  void tell_progress(std::function<void(const sendonce::engine::Progress&)> tell) {
    *progress_.lock() = std::move(tell);
  }
  /// Returns when an attempt has come to PHASE.
  void wait_for_phase(sendonce::Phase phase);

 private:
  sendonce::engine::Engine& engine();

  int posted_;
  sendonce::Synchronised<std::multiset<sendonce::engine::EntryId>> ended_;
  sendonce::Synchronised<sendonce::engine::Engine*> engine_;
  sendonce::Synchronised<std::set<sendonce::Phase>> phases_;
  sendonce::Synchronised<std::function<void(const sendonce::engine::Progress&)>> progress_;
  std::function<sendonce::Secret()> password_ = [] {
    return sendonce::Secret(std::string_view("secret"));
  };
};

/// Puts COUNT messages into the outbox in DIRECTORY, where no engine is open.
std::vector<sendonce::engine::EntryId> queue(const fs::path& directory, const std::string& settings,
                                             int count);

/// An engine on the outbox in DIRECTORY.  Opening it again is what a new Emacs does.
class Client {
 public:
  explicit Client(fs::path directory) : directory_(std::move(directory)) { open(); }
  void open();
  /// As if Emacs were left at once.
  void stop();
  sendonce::engine::Engine& engine() { return *engine_; }
  Sink& sink() { return *sink_; }
  sendonce::engine::EntryId send(const std::string& settings,
                                 const std::vector<std::string>& recipients);
  void wait(sendonce::engine::EntryId id) { sink_->wait_for_end(id); }
  /// Returns when COME says so; it is asked again at each event of the engine and each change of
  /// the outbox or of what PEER has noted.
  void until(const Peer& peer, const std::function<bool()>& come);
  /// Returns when ID is at rest, whoever on this outbox has sent it.
  void wait_at_rest(sendonce::engine::EntryId id);
  sendonce::outbox::State state(sendonce::engine::EntryId id);
  /// The same while no engine is open; nothing is tried by looking.
  sendonce::outbox::State state_on_disk(sendonce::engine::EntryId id);

 private:
  fs::path directory_;
  std::shared_ptr<Sink> sink_;
  std::unique_ptr<sendonce::engine::Engine> engine_;
};

/// Settings text for the peer; TLS as --tls takes it.
std::string settings_for(const Peer& peer, const std::string& tls);

}  // namespace fault
