// A LargeMessage as a Lisp value: a user pointer that owns it, until the engine takes it.

#pragma once

#include "emacs/env.hh"
#include "engine/large_message.hh"

namespace sendonce::emacs {

emacs_value lisp_spool(const Env& env, engine::LargeMessage spool);
/// The spool of VALUE.  Error: it is none, or it was taken.
Result<engine::LargeMessage*> spool_of(const Env& env, emacs_value value);
/// Takes it out of VALUE.
Result<engine::LargeMessage> take_spool(const Env& env, emacs_value value);

}  // namespace sendonce::emacs
