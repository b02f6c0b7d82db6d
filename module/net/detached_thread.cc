// See detached_thread.hh.

#include "net/detached_thread.hh"

#include <system_error>
#include <thread>
#include <utility>

#include "base/without_signals.hh"

namespace sendonce::net {

bool start_detached(std::function<void()> work) noexcept {
  try {
    without_signals([&] { std::thread(std::move(work)).detach(); });
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

}  // namespace sendonce::net
