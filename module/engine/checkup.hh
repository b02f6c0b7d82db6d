// An account checked from name to sign-in, with no mail sent.
//
// `run` is the body of a thread: the way of an approach, then QUIT; what was found is posted step
// by step, then CheckEnded.  It asks as a delivery does, under a number below 0, so that no entry
// is meant.  `cancel` may come from any thread.

#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "engine/approach.hh"

namespace sendonce::engine {

class Checkup {
 public:
  /// NUMBER: below 0.  SETTINGS: as in settings.hh; what is wrong in them is the first step's
  /// error.
  static Result<std::shared_ptr<Checkup>> make(Surroundings surroundings, EntryId number,
                                               std::string settings);
  void run();
  void cancel();
  [[nodiscard]] std::string transcript() { return transcript_.text(); }

 private:
  Checkup(Surroundings surroundings, EntryId number, std::string settings, net::Wake wake);

  Status reach();
  void report(const Status& status);
  [[nodiscard]] std::string found(std::string_view step) const;
  [[nodiscard]] std::string found_tls() const;
  [[nodiscard]] std::string found_trust() const;
  [[nodiscard]] std::string found_hello() const;

  Surroundings surroundings_;
  const EntryId number_;
  const std::string text_;
  std::shared_ptr<net::Wake> wake_;
  Transcript transcript_;
  Settings settings_;
  std::optional<Approach> approach_;
  std::atomic<bool> cancelled_ = false;
};

}  // namespace sendonce::engine
