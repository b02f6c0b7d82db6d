// How long each phase may last (RFC 5321 4.5.3.2).  One limit a phase, never one for the whole.

#pragma once

#include "base/clock.hh"
#include "base/error.hh"

namespace sendonce::engine {

/// The limit of PHASE.  CAP (0: none) shortens every phase but the one after the end of data: a
/// client that gives up there too early is the one that duplicates.
Milliseconds time_limit(Phase phase, Seconds cap);

}  // namespace sendonce::engine
