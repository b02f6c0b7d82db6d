// A helper thread that nobody waits for.
//
// Called by any thread.  The helper has all signals blocked from its first instruction, so that
// none of Emacs' handlers ever runs on it.  It may still be running when the process exits: WORK
// touches nothing but what it owns, by value or by shared_ptr, and nothing that a static destructor
// ends.

#pragma once

#include <functional>

namespace sendonce::net {

/// False if the system gives no more threads.
bool start_detached(std::function<void()> work) noexcept;

}  // namespace sendonce::net
