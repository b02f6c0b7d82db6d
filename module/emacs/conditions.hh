// The one table from causes to Lisp conditions, for errors that a call itself signals.

#pragma once

#include "base/error.hh"

namespace sendonce::emacs {

/// Name of the condition; all have sendonce-error as parent.
const char* condition_of(Cause cause);

}  // namespace sendonce::emacs
