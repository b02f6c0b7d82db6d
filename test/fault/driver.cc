// See driver.hh.

#include "driver.hh"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>

namespace fault {

using namespace sendonce;  // NOLINT(google-build-using-namespace): a test of theirs

void die(const std::string& why) {
  (void)std::fprintf(stderr, "%s\n", why.c_str());
  std::_Exit(2);
}

std::string slurp(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

namespace {

/// Longer than anything here may take; the runs' own limits are longer.
constexpr int patience_ms = 120000;

/// Takes all that can be read of a descriptor that does not block.
void drain(int descriptor) {
  std::array<char, 4096> bytes{};
  while (::read(descriptor, bytes.data(), bytes.size()) > 0) {
  }
}

}  // namespace

void wait_for_change(const std::vector<fs::path>& directories, const std::function<bool()>& come,
                     int more) {
  const int watch = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  for (const fs::path& directory : directories)
    ::inotify_add_watch(watch, directory.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO);
  std::array<pollfd, 2> either{{{watch, POLLIN, 0}, {more, POLLIN, 0}}};
  while (!come()) {
    if (::poll(either.data(), more < 0 ? 1 : 2, patience_ms) <= 0) die("it never came to that");
    drain(watch);
    if (more >= 0) drain(more);
  }
  ::close(watch);
}

Scratch::Scratch() {
  const fs::path base =
      fs::is_directory("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path();
  std::string name = (base / "sendonce-fault.XXXXXX").string();
  if (!::mkdtemp(name.data())) die("cannot make a directory in " + base.string());
  path_ = name;
}

Scratch::~Scratch() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

// --- the peer
// ----------------------------------------------------------------------------------------

namespace {

std::vector<std::string> peer_command(const fs::path& directory,
                                      const std::vector<std::string>& options) {
  const char* program =
      std::getenv("SENDONCE_PEER");  // NOLINT(concurrency-mt-unsafe): before any thread
  if (!program || !*program) die("SENDONCE_PEER must name the test peer's program");
  std::vector<std::string> command = {program,
                                      "--dir",
                                      directory.string(),
                                      "--scenario",
                                      (directory / "scenario").string(),
                                      "--until-eof",
                                      "--no-sync"};
  command.insert(command.end(), options.begin(), options.end());
  return command;
}

void write_whole(const fs::path& file, const std::string& text) {
  const fs::path fresh = file.string() + ".new";
  std::ofstream(fresh) << text;
  fs::rename(fresh, file);
}

/// Lines that have WORD in them.
int count_lines(const fs::path& file, std::string_view word) {
  std::ifstream in(file);
  int count = 0;
  for (std::string line; std::getline(in, line);) count += line.find(word) != std::string::npos;
  return count;
}

}  // namespace

Peer::Peer(const fs::path& directory, const std::vector<std::string>& options)
    : directory_(directory) {
  fs::create_directories(directory_);
  follow("");
  std::array<int, 2> input{};
  std::array<int, 2> output{};
  if (::pipe2(input.data(), O_CLOEXEC) != 0 || ::pipe2(output.data(), O_CLOEXEC) != 0)
    die("no pipe");
  std::vector<std::string> command = peer_command(directory_, options);
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  process_ = ::fork();
  if (process_ == 0) {
    ::dup2(input[0], 0);
    ::dup2(output[1], 1);
    ::execv(arguments[0], arguments.data());
    std::_Exit(127);
  }
  ::close(input[0]);
  ::close(output[1]);
  input_ = input[1];
  char c = 0;
  std::string line;
  while (::read(output[0], &c, 1) == 1 && c != '\n') line += c;  // "listening on 127.0.0.1:PORT"
  ::close(output[0]);
  port_ = std::atoi(line.c_str() + line.rfind(':') + 1);  // NOLINT(cert-err34-c): 0 is told
  if (port_ == 0) die("the peer does not listen: " + line);
}

Peer::~Peer() {
  ::close(input_);
  ::waitpid(process_, nullptr, 0);
}

void Peer::follow(const std::string& scenario) { write_whole(directory_ / "scenario", scenario); }

int Peer::accepted() {
  for (;;) {
    std::array<char, 32> name{};
    (void)std::snprintf(name.data(), name.size(), "%06d.eml", accepted_ + 1);
    if (!fs::exists(directory_ / "messages" / name.data())) return accepted_;
    ++accepted_;
  }
}

int Peer::times(const std::string& message_id) {
  while (read_ < accepted()) {
    std::array<char, 32> name{};
    (void)std::snprintf(name.data(), name.size(), "%06d.eml", ++read_);
    const std::string text = slurp(directory_ / "messages" / name.data());
    const std::size_t begin = text.find("Message-ID: ") + 12;
    ++times_[text.substr(begin, text.find('\r', begin) - begin)];
  }
  const auto found = times_.find(message_id);
  return found == times_.end() ? 0 : found->second;
}

int Peer::connections() {
  if (!log_.is_open()) log_.open(directory_ / "log");
  log_.clear();
  for (std::string line; std::getline(log_, line);) connections_ += line.ends_with(" connect");
  return connections_;
}

int Peer::ends() { return count_lines(directory_ / "totals", ""); }
int Peer::cuts() { return count_lines(directory_ / "totals", "end=cut"); }

void Peer::wait_for_end(int before) {
  wait_for_change({directory_}, [this, before] { return ends() > before; });
}

void Peer::wait_for_cut(int before) {
  wait_for_change({directory_}, [this, before] { return cuts() > before; });
}

// --- the engine
// --------------------------------------------------------------------------------------

Sink::Sink() : posted_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (posted_ < 0) die("no eventfd");
}

Sink::~Sink() { ::close(posted_); }

void Sink::post(engine::Event event) {
  if (const auto* account = std::get_if<engine::AccountQuestion>(&event)) {
    engine().answer(account->question, std::nullopt);
  } else if (const auto* password = std::get_if<engine::PasswordQuestion>(&event)) {
    engine().answer(password->question, password_());
  } else if (const auto* ended = std::get_if<engine::AttemptEnded>(&event)) {
    ended_.lock()->insert(ended->entry);
    ended_.notify();
  } else if (const auto* progress = std::get_if<engine::Progress>(&event)) {
    phases_.lock()->insert(progress->phase);
    phases_.notify();
    const auto tell = *progress_.lock();
    if (tell) tell(*progress);
  }
  ::eventfd_write(posted_, 1);
}

void Sink::wait_for_phase(Phase phase) {
  auto phases = phases_.lock();
  phases.wait([&] { return phases->count(phase) > 0; });
}

void Sink::serve(engine::Engine* engine) {
  *engine_.lock() = engine;
  engine_.notify();
}

engine::Engine& Sink::engine() {
  auto engine = engine_.lock();
  engine.wait([&] { return *engine != nullptr; });
  return **engine;
}

void Sink::wait_for_end(engine::EntryId id) {
  auto ended = ended_.lock();
  ended.wait([&] { return ended->count(id) > 0; });
  ended->erase(ended->find(id));
}

void Client::open() {
  auto outbox = outbox::Outbox::open(directory_.string());
  if (!outbox) die(outbox.error().message);
  sink_ = std::make_shared<Sink>();
  engine_ = std::make_unique<engine::Engine>(std::move(*outbox), sink_);
  sink_->serve(engine_.get());
  // Nothing is tried again by itself while a test looks.
  engine_->configure({{engine::Schedule::Kind::constant, 86400, {}}, 1e9, 1e9});
}

void Client::stop() {
  engine_->stop(Milliseconds(0));
  engine_.reset();
}

namespace {

/// Always as long: the cut matrices count octets.  Process ids come again in a long run.
struct Letter {
  outbox::Submission submission;
  std::string message;
};

Letter letter(const std::string& settings, const std::vector<std::string>& recipients) {
  static int number = 0;
  static const long long start = std::chrono::system_clock::now().time_since_epoch().count();
  std::array<char, 96> id_text{};
  (void)std::snprintf(id_text.data(), id_text.size(), "<%08d.%08d.%016llx@fault.example>", ++number,
                      ::getpid(), static_cast<unsigned long long>(start));
  const std::string id = id_text.data();
  return {{"fault", settings, "a@b.example", recipients, id, "fault", "", ""},
          "From: a@b.example\nMessage-ID: " + id +
              "\nSubject: fault\n\n.A line with a dot,\nand another.\n"};
}

}  // namespace

engine::EntryId Client::send(const std::string& settings,
                             const std::vector<std::string>& recipients) {
  const Letter one = letter(settings, recipients);
  auto entry = engine_->enqueue(one.submission, one.message);
  if (!entry) die(entry.error().message);
  return *entry;
}

std::vector<engine::EntryId> queue(const fs::path& directory, const std::string& settings,
                                   int count) {
  auto outbox = outbox::Outbox::open(directory.string());
  if (!outbox) die(outbox.error().message);
  std::vector<engine::EntryId> ids;
  for (int i = 0; i < count; ++i) {
    const Letter one = letter(settings, {"r@s.example"});
    auto entry = (*outbox)->enqueue(one.submission, one.message);
    if (!entry) die(entry.error().message);
    ids.push_back(*entry);
  }
  return ids;
}

namespace {
outbox::State state_in(outbox::Outbox& outbox, engine::EntryId id) {
  auto entry = outbox.entry(id);
  if (!entry || !entry->has_value()) die("the entry is lost");
  return (*entry)->state;
}
}  // namespace

outbox::State Client::state(engine::EntryId id) { return state_in(engine_->outbox(), id); }

void Client::until(const Peer& peer, const std::function<bool()>& come) {
  wait_for_change({directory_, peer.directory()}, come, sink_->posted());
}

void Client::wait_at_rest(engine::EntryId id) {
  wait_for_change({directory_}, [this, id] {
    const outbox::State now = state(id);
    return now == outbox::State::sent || now == outbox::State::in_doubt;
  });
}

outbox::State Client::state_on_disk(engine::EntryId id) {
  auto outbox = outbox::Outbox::open(directory_.string());
  if (!outbox) die(outbox.error().message);
  return state_in(**outbox, id);
}

std::string settings_for(const Peer& peer, const std::string& tls) {
  std::string text = "host=127.0.0.1\nport=" + std::to_string(peer.port()) +
                     "\ntls=" + (tls == "plain" ? "none" : tls) + "\n";
  if (tls != "plain") text += "trust-file=" + (peer.directory() / "ca.pem").string() + "\n";
  return text;
}

}  // namespace fault
