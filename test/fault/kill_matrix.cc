// The kill matrix: a send is killed at every system call from its first to its last, then the
// outbox is opened again and flushed by another process.
//
//   kill-matrix SEND-ONE [--sample]     0: nothing wrong; 1: something was; 77: no ptrace here
//
// Wrong is: enqueued and neither in the ledger nor in doubt; in the ledger twice; sent and not in
// the ledger; an outbox that SQLite does not find sound.

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
  Matrix(std::string send_one, bool sample)
      : send_one_(std::move(send_one)), sample_(sample), peer_(scratch_.path() / "peer", {}) {
    settings_ = (scratch_.path() / "settings").string();
    std::ofstream(settings_) << settings_for(peer_, "implicit");
  }

  int run_all() {
    const std::map<std::string, int> calls = survey();
    for (const auto& [call, times] : calls) {
      if (call == "execve" || call == "exit_group") continue;
      const int step = sample_ ? std::max(1, times / 3) : 1;
      for (int when = 1; when <= times; when += step) kill_at(call, when);
    }
    std::printf(
        "%d kills at %zu system calls: %d before the entry was durable, %d sent, %d in doubt; %d "
        "wrong\n",
        kills_, calls.size(), not_taken_, sent_, doubt_, wrong_);
    return wrong_ == 0 ? 0 : 1;
  }

 private:
  std::vector<std::string> strace(const std::string& outbox, const std::string& inject) {
    std::vector<std::string> command = {"strace", "-f", "-qq", "-o", trace_.string()};
    if (!inject.empty()) command.insert(command.end(), {"-e", "inject=" + inject});
    command.insert(command.end(), {send_one_, outbox, settings_});
    return command;
  }

  std::map<std::string, int> survey() {
    const Ran ran = run(strace((scratch_.path() / "survey").string(), ""));
    if (ran.output.find("sent") == std::string::npos) {
      std::printf("strace cannot trace here: nothing was tested\n");
      std::exit(77);  // NOLINT(concurrency-mt-unsafe): one thread
    }
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

  void judge(const std::string& before, const std::string& after, int accepted,
             const std::string& where) {
    const bool enqueued = before.find("enqueued") != std::string::npos;
    const bool sent = after.find(" sent\n") != std::string::npos;
    const bool doubt = after.find(" in-doubt\n") != std::string::npos;
    if (after.find("sound\n") == std::string::npos)
      wrong(where, "the outbox is not sound: " + after);
    if (accepted > 1) wrong(where, "in the ledger " + std::to_string(accepted) + " times");
    if (sent && accepted != 1) wrong(where, "sent, and not in the ledger");
    if (enqueued && !sent && !doubt) wrong(where, "lost: " + after);
    if (!sent && !doubt && accepted != 0) wrong(where, "in the ledger, and unknown: " + after);
    sent_ += sent ? 1 : 0;
    doubt_ += doubt ? 1 : 0;
    not_taken_ += enqueued || sent || doubt ? 0 : 1;
  }

  void wrong(const std::string& where, const std::string& what) {
    ++wrong_;
    std::printf("WRONG, killed at %s: %s\n", where.c_str(), what.c_str());
  }

  std::string send_one_;
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
  return fault::Matrix(arguments[1], count > 2 && std::strcmp(arguments[2], "--sample") == 0)
      .run_all();
}
