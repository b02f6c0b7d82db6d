// Entries and events as Lisp sees them (INTERFACE.org).

#pragma once

#include "emacs/env.hh"
#include "engine/events.hh"
#include "outbox/types.hh"

namespace sendonce::emacs {

emacs_value lisp_entry(const Env& env, const outbox::Entry& entry);
emacs_value lisp_event(const Env& env, const engine::Event& event);

}  // namespace sendonce::emacs
