// From what the protocol found to what the outbox records, one recipient at a time.  Pure.

#pragma once

#include <string_view>

#include "base/error.hh"
#include "outbox/types.hh"
#include "smtp/session.hh"

namespace sendonce::engine {

/// What an attempt that ended by ERROR, before the commit point, makes of a recipient: `failed`
/// where another try cannot help until somebody changes something, `deferred` where it can.
outbox::State disposition(const Error& error);

/// Is CAUSE (as stored) one that another network may mend?
bool is_about_network(std::string_view cause);

outbox::Outcome outcome_of(const smtp::RecipientOutcome& found);
outbox::Outcome outcome_of(const Error& error);

/// "What the text of an error says, with the server's words": one line.
std::string error_line(const Error& error);

}  // namespace sendonce::engine
