// See outbox_child.hh.

#include "outbox_child.hh"

#include <thread>

#include "outbox_diary.hh"
#include "outbox_support.hh"

namespace sendonce::outbox {

void go(const std::string& directory, int stage) {
  if (stage == sends_on) {
    std::thread([directory] { send_on(directory); }).detach();
    return;
  }
  static std::unique_ptr<Outbox> outbox;
  outbox = opened(directory);
  const EntryId id = outbox->enqueue(submission(), "x").value();
  if (stage == 0) return;
  const Attempt attempt = outbox->claim(id).value().value();
  if (stage == 1) return;
  static_cast<void>(outbox->committing(attempt.id, {0, 1}).has_value());
  if (stage == 2) return;
  static_cast<void>(
      outbox->finish(attempt.id, ending({State::sent, State::failed, State::deferred}, 5))
          .has_value());
}

}  // namespace sendonce::outbox
