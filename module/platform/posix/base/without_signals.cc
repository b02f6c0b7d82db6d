// See base/without_signals.hh.  The signal mask of the thread.

#include "base/without_signals.hh"

#include <pthread.h>

#include <csignal>

namespace sendonce {

namespace {

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

void without_signals(const std::function<void()>& make) {
  const SignalsBlocked blocked;
  make();
}

}  // namespace sendonce
