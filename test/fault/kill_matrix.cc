// The kill matrix: a send is killed at every system call from its first to its last, then the
// outbox is opened again and flushed by another process.  Once with a single message, once with
// three that follow each other on one line.
//
//   kill-matrix SEND-ONE [--sample]     0: nothing wrong; 1: something was; 77: no ptrace here
//
// Wrong is: a message that was enqueued and is neither in the ledger nor in doubt; in the ledger
// twice; sent and not in the ledger; in the ledger and unknown; more in doubt than the window
// allows; an outbox that SQLite does not find sound.

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

#include "driver.hh"

namespace fault {
namespace {

struct Ran {
  std::string output;
  bool killed = false;
  int status = 0;
};

Ran run(const std::vector<std::string>& command) {
  std::array<int, 2> output{};
  if (::pipe2(output.data(), O_CLOEXEC) != 0) die("no pipe");
  const pid_t process = ::fork();
  if (process == 0) {
    std::vector<char*> arguments;
    arguments.reserve(command.size() + 1);
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    ::dup2(output[1], 1);
    ::execvp(arguments[0], arguments.data());
    std::_Exit(127);
  }
  ::close(output[1]);
  Ran ran;
  std::array<char, 4096> bytes{};
  for (ssize_t got = 0; (got = ::read(output[0], bytes.data(), bytes.size())) > 0;) {
    ran.output.append(bytes.data(), static_cast<std::size_t>(got));
  }
  ::close(output[0]);
  int status = 0;
  ::waitpid(process, &status, 0);
  ran.killed = WIFSIGNALED(status);
  ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

/// How often each system call is made in a send; one by one in strace's output.
std::map<std::string, int> calls_of(const std::string& trace) {
  std::map<std::string, int> calls;
  std::istringstream lines(trace);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t name = line.find_first_not_of("0123456789 ");
    const std::size_t end = line.find('(', name);
    if (name == std::string::npos || end == std::string::npos ||
        line.find("resumed>") != std::string::npos)
      continue;
    const std::string call = line.substr(name, end - name);
    if (call.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos)
      ++calls[call];
  }
  return calls;
}

class Matrix {
 public:
  /// QUEUED: so many messages on one line; 0: a single one.
  Matrix(std::string send_one, int queued, bool sample)
      : send_one_(std::move(send_one)),
        queued_(queued),
        sample_(sample),
        peer_(scratch_.path() / "peer", {}) {
    settings_ = (scratch_.path() / "settings").string();
    std::ofstream(settings_) << settings_for(peer_, "implicit")
                             << (queued > 0 ? "keep-alive=60\nwindow=2\n" : "");
  }

  int run_all() {
    const std::map<std::string, int> calls = survey();
    for (const auto& [call, times] : calls) {
      if (call == "execve" || call == "exit_group") continue;
      const int step = sample_ ? std::max(1, times / (queued_ > 0 ? 6 : 3)) : 1;
      for (int when = 1; when <= times; when += step) kill_at(call, when);
    }
    std::printf(
        "%s: %d kills at %zu system calls: %d before an entry was durable; of the messages %d "
        "sent, "
        "%d in doubt; %d wrong\n",
        queued_ > 0 ? "a queue of three" : "one message", kills_, calls.size(), not_taken_, sent_,
        doubt_, wrong_);
    (void)std::fflush(stdout);
    return wrong_;
  }

 private:
  std::vector<std::string> strace(const std::string& outbox, const std::string& inject) {
    std::vector<std::string> command = {"strace", "-f", "-qq", "-o", trace_.string()};
    if (!inject.empty()) command.insert(command.end(), {"-e", "inject=" + inject});
    command.insert(command.end(), {send_one_, outbox, settings_});
    if (queued_ > 0) command.insert(command.end(), {"--queue", std::to_string(queued_)});
    return command;
  }

  std::map<std::string, int> survey() {
    const Ran ran = run(strace((scratch_.path() / "survey").string(), ""));
    if (ran.output.find("sent") == std::string::npos) {
      std::printf("strace cannot trace here: nothing was tested\n");
      std::exit(77);  // NOLINT(concurrency-mt-unsafe): one thread
    }
    if (peer_.connections() != 1) die("the messages did not go by one line");
    std::ifstream in(trace_);
    std::stringstream text;
    text << in.rdbuf();
    return calls_of(text.str());
  }

  void kill_at(const std::string& call, int when) {
    const std::string outbox = (scratch_.path() / ("outbox-" + std::to_string(++kills_))).string();
    const int had = peer_.accepted();
    const Ran killed = run(strace(outbox, call + ":signal=KILL:when=" + std::to_string(when)));
    const Ran after = run({send_one_, outbox, settings_, "--flush"});
    judge(killed.output, after.output, peer_.accepted() - had, call + " " + std::to_string(when));
    fs::remove_all(outbox);
  }

  static int lines_with(const std::string& text, const std::string& word) {
    int count = 0;
    for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += word.size())
      ++count;
    return count;
  }

  void judge(const std::string& before, const std::string& after, int accepted,
             const std::string& where) {
    const int enqueued = lines_with(before, "enqueued ");
    if (after.find("sound\n") == std::string::npos)
      wrong(where, "the outbox is not sound: " + after);
    int known = 0;
    int there = 0;
    int doubts = 0;
    std::istringstream lines(after);
    for (std::string id, message_id, state; lines >> id && id != "sound" && id != "damaged";) {
      lines >> message_id >> state;
      ++known;
      const int times = peer_.times(message_id);
      there += times;
      sent_ += state == "sent" ? 1 : 0;
      doubts += state == "in-doubt" ? 1 : 0;
      if (times > 1) wrong(where, "in the ledger " + std::to_string(times) + " times");
      if (state == "sent" && times != 1) wrong(where, "sent, and not in the ledger");
      if (state != "sent" && state != "in-doubt") wrong(where, "lost: " + after);
    }
    if (known < enqueued) wrong(where, "an entry is lost: " + after);
    if (there != accepted) wrong(where, "in the ledger, and unknown: " + after);
    if (doubts > (queued_ > 0 ? 2 : 1)) wrong(where, "too many are in doubt: " + after);
    doubt_ += doubts;
    not_taken_ += known == 0 ? 1 : 0;
  }

  void wrong(const std::string& where, const std::string& what) {
    ++wrong_;
    std::printf("WRONG, killed at %s: %s\n", where.c_str(), what.c_str());
  }

  std::string send_one_;
  int queued_;
  bool sample_;
  Scratch scratch_;
  Peer peer_;
  std::string settings_;
  fs::path trace_ = scratch_.path() / "trace";
  int kills_ = 0, not_taken_ = 0, sent_ = 0, doubt_ = 0, wrong_ = 0;
};

}  // namespace
}  // namespace fault

int main(int count, char** arguments) {
  if (count < 2) fault::die("usage: kill-matrix SEND-ONE [--sample]");
  const bool sample = count > 2 && std::strcmp(arguments[2], "--sample") == 0;
  int wrong = 0;
  for (const int queued : {0, 3}) wrong += fault::Matrix(arguments[1], queued, sample).run_all();
  return wrong == 0 ? 0 : 1;
}
