// See net_system.hh.

#include "net_system.hh"

#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <system_error>

namespace sendonce::net::test {

namespace {

Descriptor made(int descriptor) {
  if (descriptor < 0) throw std::runtime_error(last_error());
  ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  return Descriptor(descriptor);
}

}  // namespace

std::string last_error() { return std::generic_category().message(errno); }

void set_blocking(const Descriptor& socket, bool blocking) {
  if (::fcntl(socket.get(), F_SETFL, blocking ? 0 : O_NONBLOCK) != 0)
    throw std::runtime_error(last_error());
}

Descriptor make_socket() { return made(::socket(AF_INET, SOCK_STREAM, 0)); }

Descriptor accept_one(const Descriptor& listener) {
  return made(::accept(listener.get(), nullptr, nullptr));
}

std::vector<Descriptor> make_pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) != 0)
    throw std::runtime_error(last_error());
  std::vector<Descriptor> pair;
  for (const int end : ends) pair.push_back(made(end));
  return pair;
}

// The least that the system has; a local pair gets on with it.
int small_buffer() { return 1; }

bool can_reset() { return true; }

bool runs(std::vector<std::string> words) {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions{};
  ::posix_spawn_file_actions_init(&actions);
  for (const int output : {STDOUT_FILENO, STDERR_FILENO})
    ::posix_spawn_file_actions_addopen(&actions, output, "/dev/null", O_WRONLY, 0);
  pid_t child = -1;
  const int code =
      ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  int status = -1;
  return code == 0 && ::waitpid(child, &status, 0) == child && status == 0;
}

int count_unblocked_signals() {
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  int count = 0;
  for (const int signal : {SIGINT, SIGTERM, SIGCHLD, SIGALRM, SIGIO, SIGPROF, SIGUSR1, SIGPIPE})
    count += sigismember(&mask, signal) == 0 ? 1 : 0;
  return count;
}

}  // namespace sendonce::net::test
