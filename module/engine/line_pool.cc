// See line_pool.hh.

#include "engine/line_pool.hh"

#include <algorithm>
#include <utility>

namespace sendonce::engine {

namespace {

/// How long a line that is being opened is waited for: a second one may be faster then.
constexpr Seconds patience{10};

}  // namespace

bool KeptLine::quiet_for(Seconds span) const {
  return SteadyClock::now() - quiet_since >= span ||
         wall_clock() - quiet_since_wall >= static_cast<double>(span.count());
}

std::shared_ptr<LinePool::Resting> LinePool::put(const std::string& key, KeptLine line) {
  auto wake = net::Wake::make();
  if (!wake) {
    line.dialogue.part();
    return nullptr;
  }
  const net::Interest interest{line.dialogue.line().descriptor(), true, false};
  auto resting =
      std::make_shared<Resting>(Resting{key, std::move(line), std::move(*wake), interest});
  auto state = state_.lock();
  if (state->closed) {
    resting->line->dialogue.part();
    return nullptr;
  }
  state->resting.push_back(resting);
  return resting;
}

void LinePool::rest(const std::shared_ptr<Resting>& resting, Seconds span) {
  (void)net::poll_for({&resting->interest, 1}, Deadline::after(span), &resting->wake);
  if (auto left = leave(resting)) left->dialogue.part();
}

/// The line, if nobody has taken it; nobody can any more.
std::optional<KeptLine> LinePool::leave(const std::shared_ptr<Resting>& resting) {
  auto state = state_.lock();
  state->resting.remove(resting);
  return std::exchange(resting->line, std::nullopt);
}

std::optional<KeptLine> LinePool::take(const std::string& key, const std::atomic<bool>& cancelled) {
  const auto until = std::chrono::system_clock::now() + patience;
  for (;;) {
    std::optional<KeptLine> line;
    {
      auto state = state_.lock();
      state.wait_until(
          until, [&] { return cancelled || state->closed || !state->expected.contains(key); });
      line = pick(*state, key);
      if (!line) return std::nullopt;
    }
    if (line->dialogue.quiet()) return line;
    line->dialogue.part();
  }
}

std::optional<KeptLine> LinePool::take_resting(const std::string& key) {
  auto line = pick(*state_.lock(), key);
  if (!line || line->dialogue.quiet()) return line;
  line->dialogue.part();
  return std::nullopt;
}

/// The one that came last: the others may rest until they end.
std::optional<KeptLine> LinePool::pick(State& state, const std::string& key) {
  auto& all = state.resting;
  const auto found =
      std::find_if(all.rbegin(), all.rend(), [&](const auto& one) { return one->key == key; });
  if (found == all.rend()) return std::nullopt;
  auto line = std::exchange((*found)->line, std::nullopt);
  (*found)->wake.wake();
  all.erase(std::next(found).base());
  return line;
}

void LinePool::interrupt() {
  { const auto lock = state_.lock(); }
  state_.notify();
}

bool LinePool::expect(const std::string& key, Seconds span) {
  auto state = state_.lock();
  const bool rests = std::any_of(
      state->resting.begin(), state->resting.end(),
      [&](const auto& one) { return one->key == key && one->line && !one->line->quiet_for(span); });
  return !state->closed && !rests && state->expected.insert(key).second;
}

void LinePool::expect_no_more(const std::string& key) {
  state_.lock()->expected.erase(key);
  state_.notify();
}

void LinePool::end_unused(const std::string& key) {
  auto state = state_.lock();
  for (const auto& one : state->resting) {
    if (one->key == key && one->line && one->line->messages == 0) one->wake.wake();
  }
}

void LinePool::end_resting() {
  auto state = state_.lock();
  for (const auto& one : state->resting) one->wake.wake();
}

void LinePool::close() {
  auto state = state_.lock();
  state->closed = true;
  for (const auto& one : state->resting) one->wake.wake();
  state_.notify();
}

bool LinePool::outlives_messages(const std::string& key) {
  return state_.lock()->lore[key].outlives;
}

void LinePool::note_outlives(const std::string& key) { state_.lock()->lore[key].outlives = true; }

void LinePool::note_broke(const std::string& key, int messages) {
  auto state = state_.lock();
  Lore& lore = state->lore[key];
  lore.outlives = false;
  if (lore.most_messages == 0 || messages < lore.most_messages) lore.most_messages = messages;
}

int LinePool::most_messages(const std::string& key) {
  return state_.lock()->lore[key].most_messages;
}

}  // namespace sendonce::engine
