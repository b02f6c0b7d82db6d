// Takes a secret out of text for as long as text may still come, though the secret itself is wiped.
//
// A server may say a password back at any time: in its refusal, but also in the reply to RCPT or to
// the end of data, after the sign-in, when the Secret is gone.  A Redactor keeps what it looks for
// under a random mask that is made anew for each, so that no byte of it stands in memory, raw or in
// base64, between calls or within them: it compares octet by octet.  Any thread, if not changed.

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hh"

namespace sendonce {

class Redactor {
 public:
  /// SECRET is looked for as it is, in base64 and base64url at any place of a longer string, as
  /// `printable` quotes it, percent-encoded, and as JSON has it.  Several may be added: the
  /// passwords tried one after the other.  One of less than 4 octets is not looked for: to leave
  /// out each "a" would tell more than it hides.
  void add(const Secret& secret);
  [[nodiscard]] bool empty() const { return needles_.empty(); }

  /// TEXT with "<redacted>" for each occurrence; also for the beginning of one (6 octets at least)
  /// that the end of TEXT, or a final "...", cuts short.
  [[nodiscard]] std::string redact(std::string_view text) const;

  /// How many octets at the end of TEXT may be the beginning of an occurrence: who shows a stream
  /// piece by piece keeps these back until more has come.
  [[nodiscard]] std::size_t unfinished(std::string_view text) const;

 private:
  struct Needle {
    Secret masked;
    Secret mask;
    /// Is TEXT, at AT, its octet number INDEX?
    [[nodiscard]] bool has(std::size_t index, char c) const;
    /// How many octets from AT on are its first ones.
    [[nodiscard]] std::size_t common(std::string_view text, std::size_t at) const;
    [[nodiscard]] std::size_t size() const { return masked.size(); }
  };

  void add_needle(const Secret& plain);
  [[nodiscard]] std::size_t match(std::string_view text, std::size_t at) const;

  std::vector<Needle> needles_;
};

}  // namespace sendonce
