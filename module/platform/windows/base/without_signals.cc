// See base/without_signals.hh.  Windows delivers no signal to a thread that runs: those it has are
// raised by the thread itself, or come on a thread of their own.

#include "base/without_signals.hh"

namespace sendonce {

void without_signals(const std::function<void()>& make) { make(); }

}  // namespace sendonce
