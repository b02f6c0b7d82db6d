// Who works on the outbox: one lock file a living Outbox object, DIRECTORY/owners/<128 random
// bits>.
//
// An owner is alive exactly as long as its file is locked.  No clock and no process id takes part,
// so suspend, a changed clock and a reused pid mean nothing.  The file exists and is locked before
// any attempt names it; a file that is missing or can be locked belongs to the dead and stays dead,
// since ids are never used twice.  Used under the lock of the Outbox object, and while it is
// opened.

#pragma once

#include <string>
#include <string_view>

#include "base/result.hh"
#include "outbox/os.hh"

namespace sendonce::outbox {

class Owners {
 public:
  Owners() = default;
  /// Makes DIRECTORY/owners if need be and becomes an owner there.
  static Result<Owners> enter(const std::string& directory);
  Owners(Owners&&) noexcept = default;
  Owners& operator=(Owners&&) noexcept = default;
  Owners(const Owners&) = delete;
  Owners& operator=(const Owners&) = delete;
  ~Owners() { lock_.remove(); }

  [[nodiscard]] const std::string& self() const { return self_; }
  [[nodiscard]] bool alive(std::string_view owner) const;
  /// Does no other owner live?  Then nobody else has the outbox open.
  [[nodiscard]] bool alone() const;
  /// Removes the files of the dead.
  void sweep() const;

 private:
  [[nodiscard]] std::string path_of(std::string_view owner) const;

  std::string directory_;
  std::string self_;
  os::FileLock lock_;
};

}  // namespace sendonce::outbox
