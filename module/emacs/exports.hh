// The functions of INTERFACE.org, each behind the fence.

#pragma once

#include "emacs/env.hh"

namespace sendonce::emacs {

/// Binds every sendonce--mod-* function.
void define_functions(const Env& env);

}  // namespace sendonce::emacs
