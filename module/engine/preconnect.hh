// A line opened ahead of any message, for a draft that is being written: account, the way to the
// server, sign-in, and nothing sent.
//
// `run` is the body of a thread; `cancel` may come from any thread at any time.  Whatever keeps it
// from being ready is for the send itself to find out and to tell: here it is silent.

#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "engine/approach.hh"
#include "engine/settings.hh"
#include "engine/transcript.hh"

namespace sendonce::engine {

class Preconnect {
 public:
  /// NUMBER: below 0; questions carry it.  Errors: no descriptor left; the settings are wrong.
  static Result<std::shared_ptr<Preconnect>> make(Surroundings surroundings, EntryId number,
                                                  std::string settings);
  [[nodiscard]] const Settings& settings() const { return settings_; }
  /// The line, if it got ready.
  std::optional<KeptLine> run();
  void cancel();
  [[nodiscard]] const std::string& key() const { return text_; }

 private:
  bool adopt_resting();
  Preconnect(Surroundings surroundings, EntryId number, std::string text, Settings settings,
             net::Wake wake);

  Surroundings surroundings_;
  const EntryId number_;
  const std::string text_;
  const Settings settings_;
  std::mutex waking_;
  std::shared_ptr<net::Wake> wake_;  // of the line that is looked after
  Transcript transcript_;
  std::optional<Approach> approach_;
  std::atomic<bool> cancelled_ = false;
};

}  // namespace sendonce::engine
