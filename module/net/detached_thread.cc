// See detached_thread.hh.  Platform file: the signal mask.

#include "net/detached_thread.hh"

#include <pthread.h>

#include <csignal>
#include <system_error>
#include <thread>
#include <utility>

namespace sendonce::net {

namespace {

// Blocks all signals while it lives: a new thread inherits the mask of the one that makes it, so
// there is no instant in which a signal could reach it.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

bool start_detached(std::function<void()> work) noexcept {
  const SignalsBlocked blocked;
  try {
    std::thread(std::move(work)).detach();
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

}  // namespace sendonce::net
