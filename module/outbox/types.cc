// See types.hh.

#include "outbox/types.hh"

#include <algorithm>
#include <array>

namespace sendonce::outbox {

namespace {

struct StateFacts {
  State state;
  std::string_view name;
  int urgency;  ///< 0 is the most urgent; types.hh says why
};

constexpr std::array<StateFacts, 7> facts{{
    {State::queued, "queued", 3},
    {State::sending, "sending", 2},
    {State::sent, "sent", 6},
    {State::deferred, "deferred", 4},
    {State::failed, "failed", 1},
    {State::in_doubt, "in-doubt", 0},
    {State::cancelled, "cancelled", 5},
}};

const StateFacts& facts_of(State state) { return facts.at(static_cast<std::size_t>(state)); }

}  // namespace

std::string_view state_name(State state) { return facts_of(state).name; }

std::optional<State> state_from_name(std::string_view name) {
  const auto* const found = std::find_if(
      facts.begin(), facts.end(), [name](const StateFacts& fact) { return fact.name == name; });
  if (found == facts.end()) return std::nullopt;
  return found->state;
}

bool more_urgent(State a, State b) { return facts_of(a).urgency < facts_of(b).urgency; }

std::string stored_cause(std::string_view cause, std::string_view phase) {
  if (phase.empty() || phase == "none") return std::string(cause);
  return std::string(cause) + " " + std::string(phase);
}

std::string_view cause_of(std::string_view stored) { return stored.substr(0, stored.find(' ')); }

std::string_view phase_of(std::string_view stored) {
  const std::size_t space = stored.find(' ');
  return space == std::string_view::npos ? std::string_view() : stored.substr(space + 1);
}

}  // namespace sendonce::outbox
