// A forked child that does some work, says so, and then waits to be killed.

#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <functional>

namespace sendonce::outbox {

class Forked {
 public:
  explicit Forked(const std::function<void()>& work) {
    if (::pipe(ready_.data()) != 0 || ::pipe(hold_.data()) != 0) return;
    pid_ = ::fork();
    if (pid_ != 0) return;
    work();
    tell_ready();
    wait_for_ever();
  }
  Forked(const Forked&) = delete;
  Forked& operator=(const Forked&) = delete;
  ~Forked() {
    kill();
    for (const int fd : {ready_[0], ready_[1], hold_[0], hold_[1]}) ::close(fd);
  }

  void wait_ready() {
    char byte = 0;
    EXPECT_EQ(::read(ready_[0], &byte, 1), 1);
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  void tell_ready() const {
    if (::write(ready_[1], "r", 1) != 1) ::_exit(1);
  }
  /// The pipe gives nothing while somebody has its other end; all go with the test.
  void wait_for_ever() const {
    ::close(hold_[1]);
    char byte = 0;
    while (::read(hold_[0], &byte, 1) > 0) continue;
    ::_exit(0);
  }

  std::array<int, 2> ready_{};
  std::array<int, 2> hold_{};
  pid_t pid_ = 0;
};

}  // namespace sendonce::outbox
