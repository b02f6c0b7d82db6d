// A message too large to be handed over whole: it is spooled, and what its server must be told of
// it is found out on the way, so that nobody has to read it once more before it is sent.
//
// One owner at a time, as Spool.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "outbox/spool.hh"
#include "smtp/body.hh"

namespace sendonce::engine {

class LargeMessage {
 public:
  /// As Spool::make.
  static Result<LargeMessage> make(const std::string& directory, std::string boundary);

  [[nodiscard]] outbox::Spool& spool() const { return *spool_; }
  /// As Spool::take.
  Status take(bool hashed);
  [[nodiscard]] smtp::BodyFacts facts() const { return examiner_.facts(); }

 private:
  explicit LargeMessage(std::unique_ptr<outbox::Spool> spool) : spool_(std::move(spool)) {}

  std::unique_ptr<outbox::Spool> spool_;
  smtp::BodyExaminer examiner_;
};

/// Facts as text, which is kept with the message: "octets longest-line", then what else is so.
std::string text_of(const smtp::BodyFacts& facts);
/// What text_of made; nothing of any other text, the empty one included.
std::optional<smtp::BodyFacts> facts_of(std::string_view text);

}  // namespace sendonce::engine
