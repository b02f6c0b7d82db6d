// The table of a session's transitions: state x event, each cell naming the state that follows and
// what is done.  Private to the session; `transition_text` prints it.

#pragma once

#include "smtp/session.hh"

namespace sendonce::smtp {

/// The state a cell leads to.  `follows` means: the state of the reply owed next, or, when none is
/// owed, the state in which the action leaves the session to its owner.
inline constexpr State follows = static_cast<State>(state_count);

struct Transition {
  State next;
  std::string_view action;
  void (*run)(Session& session, const Reply& reply);
};

const Transition& transition(State state, Event event);

/// May CODE (2yz to 5yz) be an answer in STATE at all?
bool fits(State state, int code);
/// May a server refuse in STATE before it has all it was promised?
bool takes_early_refusal(State state);
Phase phase_of(State state);

}  // namespace sendonce::smtp
