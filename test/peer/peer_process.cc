#include "peer_process.hh"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace {

namespace fs = std::filesystem;

struct Pipe {
  int read_end = -1;
  int write_end = -1;
};

Pipe make_pipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  return {fds[0], fds[1]};
}

fs::path fresh_directory() {
  std::string name = (fs::temp_directory_path() / "peer-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  return name;
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string drain(int fd) {
  std::string text;
  std::array<char, 4096> buffer;
  for (ssize_t n = 1; n > 0;) {
    n = ::read(fd, buffer.data(), buffer.size());
    if (n > 0) text.append(buffer.data(), std::size_t(n));
  }
  ::close(fd);
  return text;
}

int exit_status(pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// `child_fd` of the child becomes `ours`.
struct Redirection {
  int child_fd;
  int ours;
};

pid_t spawn(std::vector<std::string> options, const std::vector<Redirection>& redirections) {
  options.insert(options.begin(), PEER_PATH);
  std::vector<char*> argv;
  argv.reserve(options.size() + 1);
  for (std::string& option : options) argv.push_back(option.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  for (const auto& [child_fd, ours] : redirections) {
    ::posix_spawn_file_actions_adddup2(&actions, ours, child_fd);
  }
  pid_t pid = -1;
  const int code = ::posix_spawn(&pid, PEER_PATH, &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (code != 0) throw std::runtime_error("cannot run " PEER_PATH);
  return pid;
}

}  // namespace

PeerProcess::PeerProcess(std::vector<std::string> options, const std::string& scenario)
    : dir_(fresh_directory()) {
  set_scenario(scenario);
  for (const char* option : {"--until-eof", "--no-sync", "--dir"}) options.emplace_back(option);
  options.push_back(dir_.string());
  options.emplace_back("--scenario");
  options.push_back((dir_ / "scenario").string());
  const Pipe input = make_pipe();
  const Pipe output = make_pipe();
  pid_ = spawn(options, {{STDIN_FILENO, input.read_end}, {STDOUT_FILENO, output.write_end}});
  ::close(input.read_end);
  ::close(output.write_end);
  input_ = input.write_end;
  await_listening(output.read_end);
}

PeerProcess::~PeerProcess() {
  if (pid_ > 0) {
    terminate();
    wait();
  }
  if (input_ >= 0) ::close(input_);
  fs::remove_all(dir_);
}

void PeerProcess::await_listening(int output) {
  std::string line;
  for (char c = 0; ::read(output, &c, 1) == 1 && c != '\n';) line += c;
  ::close(output);
  if (!line.starts_with("listening on ")) throw std::runtime_error("the peer does not listen");
  port_ = std::uint16_t(std::stoi(line.substr(line.rfind(':') + 1)));
}

std::string PeerProcess::file(const std::string& name) const { return read_file(dir_ / name); }

std::size_t PeerProcess::messages() const {
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(dir_ / "messages")) {
    if (entry.path().extension() == ".eml") ++count;
  }
  return count;
}

void PeerProcess::set_scenario(const std::string& text) const {
  std::ofstream(dir_ / "scenario.tmp", std::ios::binary) << text;
  fs::rename(dir_ / "scenario.tmp", dir_ / "scenario");
}

std::string PeerProcess::total(std::uint64_t connection, const std::string& key) const {
  std::istringstream lines(file("totals"));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(std::to_string(connection) + " ")) continue;
    const std::size_t at = line.find(" " + key + "=");
    if (at == std::string::npos) return {};
    const std::size_t start = at + key.size() + 2;
    return line.substr(start, line.find(' ', start) - start);
  }
  return {};
}

int PeerProcess::wait() {
  const int status = exit_status(pid_);
  pid_ = -1;
  return status;
}

void PeerProcess::terminate() const { ::kill(pid_, SIGTERM); }

void PeerProcess::end_input() {
  ::close(input_);
  input_ = -1;
}

RunResult PeerProcess::run(std::vector<std::string> options) {
  const Pipe errors = make_pipe();
  const pid_t pid = spawn(std::move(options), {{STDERR_FILENO, errors.write_end}});
  ::close(errors.write_end);
  RunResult result;
  result.errors = drain(errors.read_end);
  result.status = exit_status(pid);
  return result;
}
