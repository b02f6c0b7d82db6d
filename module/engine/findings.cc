// See findings.hh.

#include "engine/findings.hh"

#include <algorithm>
#include <utility>

#include "base/text.hh"
#include "sasl/mechanism.hh"

namespace sendonce::engine {

namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> words;
  for (const std::string_view word : split_words(text)) words.emplace_back(word);
  return words;
}

bool has(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

constexpr std::string_view implicit_text = "implicit";
constexpr std::string_view starttls_text = "starttls";

}  // namespace

Findings::Findings(outbox::Outbox& outbox, std::string server)
    : outbox_(outbox), server_(std::move(server)) {}

std::string Findings::read(std::string_view key) {
  return outbox_.finding(server_, key).value_or(std::string());
}

// What cannot be kept is found out again.
void Findings::write(std::string_view key, std::string_view value) {
  if (read(key) != value) (void)outbox_.set_finding(server_, key, value);
}

// --- mechanisms

void Findings::offered(const std::vector<std::string>& mechanisms, bool private_line) {
  place_ = private_line ? "private" : "clear";
  offered_ = mechanisms;
  std::sort(offered_.begin(), offered_.end());
  const bool same = read(place_ + " offer") == joined(offered_);
  avoid_ = same ? split(read(place_ + " avoid")) : std::vector<std::string>();
  proven_ = same ? split(read(place_ + " proven")) : std::vector<std::string>();
}

bool Findings::proven(std::string_view mechanism) const { return has(proven_, mechanism); }

void Findings::signed_in(const std::string& mechanism, const std::vector<std::string>& failed) {
  if (place_.empty()) return;
  for (const std::string& name : failed) {
    if (!has(avoid_, name)) avoid_.push_back(name);
    std::erase(proven_, name);
  }
  std::erase(avoid_, mechanism);
  write("usual", mechanism);
  if (!has(proven_, mechanism)) proven_.push_back(mechanism);
  write(place_ + " offer", joined(offered_));
  write(place_ + " avoid", joined(avoid_));
  write(place_ + " proven", joined(proven_));
}

std::string Findings::usual() { return read("usual"); }

std::string Findings::best() const {
  const auto weaker = [](const std::string& a, const std::string& b) {
    return sasl::strength(a) < sasl::strength(b);
  };
  const auto found = std::max_element(offered_.begin(), offered_.end(), weaker);
  return found == offered_.end() ? std::string() : *found;
}

std::string Findings::downgrade() {
  const std::string key = place_ + " best";
  const std::string before = read(key);
  const std::string now = best();
  if (before == now) return {};
  write(key, now);
  if (sasl::strength(now) >= sasl::strength(before)) return {};
  return server_ + " used to offer sign-in by " + before + " and now offers " +
         (now.empty() ? "none" : "nothing better than " + now) +
         ": ask whoever runs it whether that is meant";
}

// --- TLS

std::optional<smtp::TlsMode> Findings::tls_mode() {
  const std::string text = read("tls");
  if (text == implicit_text) return smtp::TlsMode::implicit;
  if (text == starttls_text) return smtp::TlsMode::starttls;
  return std::nullopt;
}

void Findings::set_tls_mode(smtp::TlsMode mode) {
  write("tls", mode == smtp::TlsMode::implicit ? implicit_text : starttls_text);
}

void Findings::forget_tls_mode() { write("tls", ""); }

}  // namespace sendonce::engine
