// See capabilities.hh.  Keywords are data: one row each.

#include "smtp/capabilities.hh"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "base/text.hh"
#include "smtp/address.hh"

namespace sendonce::smtp {

namespace {

using Words = std::vector<std::string_view>;
constexpr std::size_t max_mechanisms = 64;

void add_mechanism(Capabilities& all, std::string_view name) {
  const auto parsed = MechanismName::parse(name);
  if (!parsed || all.mechanisms.size() >= max_mechanisms) return;
  auto& known = all.mechanisms;
  if (std::find(known.begin(), known.end(), parsed->text()) == known.end())
    known.push_back(parsed->text());
}

void read_auth(Capabilities& all, const Words& words) {
  for (std::size_t i = 1; i < words.size(); ++i) add_mechanism(all, words[i]);
}

void read_size(Capabilities& all, const Words& words) {
  all.size = true;
  if (words.size() < 2) return;
  std::uint64_t limit = 0;
  const auto [end, error] = std::from_chars(words[1].begin(), words[1].end(), limit);
  if (error == std::errc() && end == words[1].end()) all.size_limit = limit;
}

/// NAME=number in WORD is put into LIMIT, unless one is there: of names that come twice the first
/// counts (RFC 9422 4).
void read_limit(std::uint64_t& limit, std::string_view name, std::string_view word) {
  if (limit != 0 || !ascii_equal(word.substr(0, name.size()), name)) return;
  const std::string_view digits = word.substr(name.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), number);
  if (error == std::errc() && end == digits.end()) limit = number;
}

void read_limits(Capabilities& all, const Words& words) {
  for (std::size_t i = 1; i < words.size(); ++i) {
    read_limit(all.mail_max, "MAILMAX=", words[i]);
    read_limit(all.recipient_max, "RCPTMAX=", words[i]);
    read_limit(all.domain_max, "RCPTDOMAINMAX=", words[i]);
  }
}

struct Keyword {
  std::string_view name;
  void (*read)(Capabilities&, const Words&);
};

constexpr Keyword keywords[] = {
    {"STARTTLS", [](Capabilities& all, const Words&) { all.starttls = true; }},
    {"PIPELINING", [](Capabilities& all, const Words&) { all.pipelining = true; }},
    {"CHUNKING", [](Capabilities& all, const Words&) { all.chunking = true; }},
    {"8BITMIME", [](Capabilities& all, const Words&) { all.eight_bit_mime = true; }},
    {"SMTPUTF8", [](Capabilities& all, const Words&) { all.smtputf8 = true; }},
    {"ENHANCEDSTATUSCODES",
     [](Capabilities& all, const Words&) { all.enhanced_status_codes = true; }},
    {"SIZE", read_size},
    {"AUTH", read_auth},
    {"LIMITS", read_limits},
};

/// "AUTH=LOGIN PLAIN", as servers before RFC 2554 wrote it, reads as "AUTH LOGIN PLAIN".
std::string without_old_auth(std::string_view line) {
  std::string text(line);
  if (text.size() > 5 && ascii_equal(text.substr(0, 5), "AUTH=")) text[4] = ' ';
  return text;
}

void read_line(Capabilities& all, std::string_view line) {
  const std::string text = without_old_auth(line);
  const Words words = split_words(text);
  if (words.empty()) return;
  const auto* found =
      std::find_if(std::begin(keywords), std::end(keywords),
                   [&](const Keyword& keyword) { return ascii_equal(keyword.name, words[0]); });
  if (found != std::end(keywords)) found->read(all, words);
}

}  // namespace

Capabilities Capabilities::parse(const Reply& reply) {
  Capabilities all;
  all.esmtp = true;
  for (std::size_t i = 1; i < reply.lines.size(); ++i) read_line(all, reply.lines[i]);
  return all;
}

}  // namespace sendonce::smtp
