// The scenario language: what the peer is to do otherwise than a well-behaved server would.
//
// This file owns the parsed form and the parser; plan.hh applies it to one connection.  The
// language itself is described in scenario_help(), which is also what --help prints.

#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "ending.hh"

namespace peer {

struct Range {
  std::uint64_t first = 1;
  std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
  bool holds(std::uint64_t n) const { return first <= n && n <= last; }
};

enum class Verb {
  say,
  say_raw,
  end,
  delay,
  accept,
  apply,
  read,
  sign_in,
  offer_auth,
  drop_later,
  proceed
};

struct Action {
  Verb verb = Verb::proceed;
  std::string text;          // say, say_raw, offer_auth
  std::uint64_t number = 1;  // repetitions of say; milliseconds of delay
  Ending ending = Ending::drop;
};

struct Rule {
  Range connections;
  std::string point;
  std::string mechanism;  // of AUTH and AUTH-response; empty: any
  Range occurrences;
  std::string when;
  std::vector<Action> actions;
};

enum class Way { in, out, rawin, rawout };
inline constexpr std::size_t way_count = 4;

struct Cut {
  std::uint64_t offset = 0;
  Ending how = Ending::drop;
};

// A directive that is not a rule; the fields not named by it stay empty.
struct Setting {
  Range connections;
  std::array<std::optional<Cut>, way_count> cuts;
  std::optional<unsigned> byte_delay_ms;  // one byte a write; 0: no wait between
  std::optional<std::uint64_t> rate_in;   // raw octets a second
  std::optional<std::vector<std::string>> replace_capabilities;
  std::vector<std::string> add_capabilities;
  std::vector<std::string> remove_capabilities;
};

struct Scenario {
  std::vector<Rule> rules;
  std::vector<Setting> settings;
};

struct ScenarioError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Throws ScenarioError, naming the line.
Scenario parse_scenario(std::string_view text);

std::string_view scenario_help();

}  // namespace peer
