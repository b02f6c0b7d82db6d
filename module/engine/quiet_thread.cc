// See quiet_thread.hh.

#include "engine/quiet_thread.hh"

#include <csignal>
#include <utility>

namespace sendonce::engine {

std::thread quiet_thread(std::function<void()> body) {
  // Blocked before the thread is made, which inherits the mask: there is no moment without it.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::move(body));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace sendonce::engine
