// See large_message.hh.

#include "engine/large_message.hh"

#include <algorithm>
#include <array>
#include <charconv>

namespace sendonce::engine {

namespace {

struct Word {
  std::string_view name;
  bool smtp::BodyFacts::*fact;
};

constexpr std::array words{
    Word{" 8bit", &smtp::BodyFacts::eight_bit},
    Word{" 8bit-header", &smtp::BodyFacts::eight_bit_header},
    Word{" nul", &smtp::BodyFacts::nul},
};

/// Takes a number off the front of TEXT.
bool take_number(std::string_view& text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

}  // namespace

Result<LargeMessage> LargeMessage::make(const std::string& directory, std::string boundary) {
  auto spool = outbox::Spool::make(directory, std::move(boundary));
  if (!spool) return fail(spool.error());
  return LargeMessage(std::move(*spool));
}

Status LargeMessage::take(bool hashed) {
  return spool_->take(hashed, [this](std::string_view piece) { examiner_.examine(piece); });
}

std::string text_of(const smtp::BodyFacts& facts) {
  std::string text = std::to_string(facts.octets) + " " + std::to_string(facts.longest_line);
  for (const Word& word : words) {
    if (facts.*word.fact) text += word.name;
  }
  return text;
}

std::optional<smtp::BodyFacts> facts_of(std::string_view text) {
  smtp::BodyFacts facts;
  if (!take_number(text, facts.octets) || !text.starts_with(' ')) return std::nullopt;
  text.remove_prefix(1);
  if (!take_number(text, facts.longest_line)) return std::nullopt;
  for (const Word& word : words) {
    const std::string_view rest = text.substr(std::min(word.name.size(), text.size()));
    facts.*word.fact = text.starts_with(word.name) && (rest.empty() || rest.front() == ' ');
    if (facts.*word.fact) text = rest;
  }
  if (!text.empty()) return std::nullopt;
  return facts;
}

}  // namespace sendonce::engine
