// Threads that take no signals: those are for Emacs' own thread.

#pragma once

#include <functional>
#include <thread>

namespace sendonce::engine {

/// Starts BODY on a thread with all signals blocked.
std::thread quiet_thread(std::function<void()> body);

}  // namespace sendonce::engine
