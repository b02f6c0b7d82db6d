// See preconnect.hh.

#include "engine/preconnect.hh"

#include <utility>

#include "base/clock.hh"

namespace sendonce::engine {

Result<std::shared_ptr<Preconnect>> Preconnect::make(Surroundings surroundings, EntryId number,
                                                     std::string settings) {
  auto parsed = Settings::parse(settings);
  if (!parsed) return fail(parsed.error());
  auto wake = net::Wake::make();
  if (!wake) return fail(wake.error());
  return std::shared_ptr<Preconnect>(new Preconnect(
      std::move(surroundings), number, std::move(settings), std::move(*parsed), std::move(*wake)));
}

Preconnect::Preconnect(Surroundings surroundings, EntryId number, std::string text,
                       Settings settings, net::Wake wake)
    : surroundings_(std::move(surroundings)),
      number_(number),
      text_(std::move(text)),
      settings_(std::move(settings)),
      wake_(std::make_shared<net::Wake>(std::move(wake))),
      transcript_("Line opened ahead, " + local_time_text(wall_clock())) {}

std::optional<KeptLine> Preconnect::run() {
  approach_.emplace(surroundings_,
                    Errand{number_, wake_, cancelled_, transcript_, [](Phase, std::uint64_t) {}},
                    settings_);
  Status status;
  if (!adopt_resting()) status = approach_->reach();
  approach_->wipe();
  if (!status || cancelled_) return std::nullopt;
  return approach_->release();
}

/// One that rests and was quiet for long is asked whether it lives.
bool Preconnect::adopt_resting() {
  auto line = surroundings_.lines.take_resting(text_);
  if (!line) return false;
  {
    const std::lock_guard lock(waking_);
    wake_ = line->wake;
    if (cancelled_) wake_->wake();
  }
  return approach_->adopt(std::move(*line), false);
}

void Preconnect::cancel() {
  {
    const std::lock_guard lock(waking_);
    cancelled_ = true;
    wake_->wake();
  }
  surroundings_.questions.interrupt();
}

}  // namespace sendonce::engine
