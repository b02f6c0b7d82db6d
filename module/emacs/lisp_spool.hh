// A Spool as a Lisp value: a user pointer that owns it, until the engine takes it.

#pragma once

#include <memory>

#include "emacs/env.hh"
#include "outbox/spool.hh"

namespace sendonce::emacs {

emacs_value lisp_spool(const Env& env, std::unique_ptr<outbox::Spool> spool);
/// The spool of VALUE.  Error: it is none, or it was taken.
Result<outbox::Spool*> spool_of(const Env& env, emacs_value value);
/// Takes it out of VALUE.
Result<std::unique_ptr<outbox::Spool>> take_spool(const Env& env, emacs_value value);

}  // namespace sendonce::emacs
