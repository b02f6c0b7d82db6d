// See event_queue.hh.

#include "emacs/event_queue.hh"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sendonce::emacs {

namespace {

bool same_progress(const engine::Event& old, const engine::Event& event) {
  const auto* before = std::get_if<engine::Progress>(&old);
  const auto* now = std::get_if<engine::Progress>(&event);
  return before && now && before->entry == now->entry;
}

}  // namespace

void EventQueue::post(engine::Event event) {
  {
    auto events = events_.lock();
    const bool waiting = !events->empty();
    std::erase_if(*events, [&](const engine::Event& old) { return same_progress(old, event); });
    events->push_back(std::move(event));
    if (waiting) return;  // its byte is on the way, or in the pipe
  }
  channel_.say();
}

std::vector<engine::Event> EventQueue::take() {
  auto events = events_.lock();
  std::vector<engine::Event> taken(std::make_move_iterator(events->begin()),
                                   std::make_move_iterator(events->end()));
  events->clear();
  return taken;
}

}  // namespace sendonce::emacs
