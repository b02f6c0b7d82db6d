// See quiet_thread.hh.

#include "engine/quiet_thread.hh"

#include <utility>

#include "base/without_signals.hh"

namespace sendonce::engine {

std::thread quiet_thread(std::function<void()> body) {
  std::thread thread;
  without_signals([&] { thread = std::thread(std::move(body)); });
  return thread;
}

}  // namespace sendonce::engine
