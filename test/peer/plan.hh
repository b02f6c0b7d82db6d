// The part of a scenario that concerns one connection, and the count of what has happened on it.
// Owned and used by the connection's thread alone.

#pragma once

#include <map>

#include "scenario.hh"

namespace peer {

class Plan {
 public:
  Plan(const Scenario& scenario, std::uint64_t connection);

  // Counts one more arrival at `point`; the first rule in the file that fits, or null.
  const Rule* arrive(std::string_view point, std::string_view argument);

  const std::optional<Cut>& cut(Way way) const { return setting_.cuts.at(std::size_t(way)); }
  const Setting& setting() const { return setting_; }

  void edit_capabilities(std::vector<std::string>& capabilities) const;

 private:
  void merge(const Setting& setting);

  std::vector<Rule> rules_;
  Setting setting_;
  std::map<std::string, std::uint64_t, std::less<>> arrivals_;
};

}  // namespace peer
