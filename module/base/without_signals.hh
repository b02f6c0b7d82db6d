// Threads that take no signals: those are for Emacs' own thread.  Platform files:
// without_signals.cc.

#pragma once

#include <functional>

namespace sendonce {

/// Calls MAKE on this thread with all signals blocked; a thread that MAKE starts inherits that, so
/// that there is no instant in which a signal could reach it.  Throws what MAKE throws.
void without_signals(const std::function<void()>& make);

}  // namespace sendonce
