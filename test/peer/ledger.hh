// The ledger: DIR/messages/NNNNNN.eml and .env, one pair an accepted message.
//
// It is the truth the project's tests are judged by.  accept() returns only when the message is on
// disk under its final name: content synced, .env in place first, then .eml by rename, then the
// directory synced.  Content still coming in lies in DIR/incoming.  Used by all connection threads;
// a lock guards the numbers.

#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>

#include "fd.hh"

namespace peer {

class Ledger;

// A message coming in; what is not accepted vanishes with it.
class Incoming {
 public:
  Incoming(Incoming&& other) noexcept;
  Incoming& operator=(Incoming&&) = delete;
  Incoming(const Incoming&) = delete;
  Incoming& operator=(const Incoming&) = delete;
  ~Incoming();
  void append(std::string_view bytes) { write_all(fd_, bytes); }

 private:
  friend class Ledger;
  explicit Incoming(std::filesystem::path path);
  std::filesystem::path path_;  // empty once accepted or moved from
  Fd fd_;
};

class Ledger {
 public:
  Ledger(const std::filesystem::path& dir, bool sync);

  Incoming open();
  // The name it got, such as "000007".
  std::string accept(Incoming& message, std::string_view envelope);

 private:
  void put_envelope(const std::string& name, std::string_view envelope);
  void sync(const Fd& fd) const;

  std::filesystem::path incoming_;
  std::filesystem::path messages_;
  bool sync_;
  std::mutex mutex_;
  std::uint64_t next_incoming_ = 0;
  std::uint64_t next_message_ = 1;
};

}  // namespace peer
