// See line_pool.hh.

#include "engine/line_pool.hh"

#include <algorithm>
#include <utility>

namespace sendonce::engine {

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

std::optional<KeptLine> LinePool::take(const std::string& key) {
  for (;;) {
    std::optional<KeptLine> line;
    {
      auto state = state_.lock();
      auto& all = state->resting;
      // The one that came last: the others may rest until they end.
      const auto found =
          std::find_if(all.rbegin(), all.rend(), [&](const auto& one) { return one->key == key; });
      if (found == all.rend()) return std::nullopt;
      line = std::exchange((*found)->line, std::nullopt);
      (*found)->wake.wake();
      all.erase(std::next(found).base());
    }
    if (line && line->dialogue.quiet()) return line;
    if (line) line->dialogue.part();
  }
}

void LinePool::close() {
  auto state = state_.lock();
  state->closed = true;
  for (const auto& one : state->resting) one->wake.wake();
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
