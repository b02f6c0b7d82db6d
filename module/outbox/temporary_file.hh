// A private file that another hand fills by its name, and that is gone with its owner, however that
// ends: one that a dead process has left is removed by `sweep`.
//
// One owner at a time.  Errors: Cause::storage or storage_full, the text names the file.

#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/result.hh"
#include "outbox/os.hh"

namespace sendonce::outbox {

class TemporaryFile {
 public:
  /// In DIRECTORY, since a directory for temporary files may be small, or in memory.
  static Result<TemporaryFile> make(const std::string& directory);
  TemporaryFile(TemporaryFile&&) noexcept = default;
  TemporaryFile& operator=(TemporaryFile&&) = delete;
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { lock_.remove(); }

  [[nodiscard]] const std::string& path() const { return path_; }
  /// It is filled: its name goes, where the system allows that.
  void hide() { lock_.remove(); }
  /// At most LIMIT octets from OFFSET on; less only at the end.
  [[nodiscard]] Result<std::string> read(std::int64_t offset, std::size_t limit) const {
    return reader_.read(offset, limit);
  }

  /// Removes from DIRECTORY what owners that are dead have left.
  static void sweep(const std::string& directory);

 private:
  TemporaryFile(std::string path, os::FileLock lock, os::Reader reader)
      : path_(std::move(path)), reader_(std::move(reader)), lock_(std::move(lock)) {}

  std::string path_;
  os::Reader reader_;
  os::FileLock lock_;  // held while it has its name: its owner lives
};

}  // namespace sendonce::outbox
