#include "plan.hh"

#include <algorithm>

#include "envelope.hh"

namespace peer {
namespace {

std::string_view first_word(std::string_view text) { return text.substr(0, text.find(' ')); }

void append(std::vector<std::string>& to, const std::vector<std::string>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

Plan::Plan(const Scenario& scenario, std::uint64_t connection) {
  for (const Rule& rule : scenario.rules) {
    if (rule.connections.holds(connection)) rules_.push_back(rule);
  }
  for (const Setting& setting : scenario.settings) {
    if (setting.connections.holds(connection)) merge(setting);
  }
}

const Rule* Plan::arrive(std::string_view point, std::string_view argument) {
  const std::uint64_t count = ++arrivals_[std::string(point)];
  const auto fits = [&](const Rule& rule) {
    return rule.point == point && rule.occurrences.holds(count) &&
           (rule.mechanism.empty() || rule.mechanism == upper(first_word(argument))) &&
           argument.find(rule.when) != std::string_view::npos;
  };
  const auto found = std::find_if(rules_.begin(), rules_.end(), fits);
  return found == rules_.end() ? nullptr : &*found;
}

void Plan::edit_capabilities(std::vector<std::string>& capabilities) const {
  if (setting_.replace_capabilities) capabilities = *setting_.replace_capabilities;
  append(capabilities, setting_.add_capabilities);
  for (const std::string& name : setting_.remove_capabilities) {
    std::erase_if(capabilities, [&](const std::string& c) { return first_word(c) == name; });
  }
}

void Plan::merge(const Setting& setting) {
  for (std::size_t i = 0; i < way_count; ++i) {
    if (setting.cuts[i]) setting_.cuts[i] = setting.cuts[i];
  }
  if (setting.byte_delay_ms) setting_.byte_delay_ms = setting.byte_delay_ms;
  if (setting.rate_in) setting_.rate_in = setting.rate_in;
  if (setting.replace_capabilities) setting_.replace_capabilities = setting.replace_capabilities;
  append(setting_.add_capabilities, setting.add_capabilities);
  append(setting_.remove_capabilities, setting.remove_capabilities);
}

}  // namespace peer
