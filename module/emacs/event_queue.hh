// The wake channel: events from engine threads to Lisp.
//
// `post` puts an event in a locked queue and then, with no lock held, writes one byte to the pipe
// that Emacs opened (open_channel); Lisp's filter takes all that is there.  One byte is enough
// until the queue was taken, so the pipe never fills.  Of an entry's progress only the newest is
// kept.

#pragma once

#include <deque>
#include <vector>

#include "base/synchronised.hh"
#include "emacs/channel.hh"
#include "engine/events.hh"

namespace sendonce::emacs {

class EventQueue final : public engine::EventSink {
 public:
  /// Owns CHANNEL, a descriptor to write to.
  explicit EventQueue(int channel) : channel_(channel) {}
  ~EventQueue() override = default;
  EventQueue(const EventQueue&) = delete;
  EventQueue& operator=(const EventQueue&) = delete;

  void post(engine::Event event) override;
  std::vector<engine::Event> take();
  [[nodiscard]] const Channel& channel() const noexcept { return channel_; }

 private:
  Channel channel_;
  Synchronised<std::deque<engine::Event>> events_;
};

}  // namespace sendonce::emacs
