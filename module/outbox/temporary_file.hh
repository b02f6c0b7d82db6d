// A private file without a name, gone with its last descriptor: what is put by in it does not
// outlive the process, however that ends.  One of the few files of outbox/ that a Windows backend
// has to meet.
//
// One owner at a time; not locked.  Errors: Cause::storage or storage_full, the text names the
// directory.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hh"

namespace sendonce::outbox {

class TemporaryFile {
 public:
  /// In DIRECTORY, since a directory for temporary files may be small, or in memory.
  static Result<TemporaryFile> make(const std::string& directory);
  TemporaryFile(TemporaryFile&& other) noexcept
      : directory_(std::move(other.directory_)), fd_(std::exchange(other.fd_, -1)) {}
  TemporaryFile& operator=(TemporaryFile&&) = delete;
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile();

  Status append(std::string_view bytes);
  /// At most LIMIT octets from OFFSET on; less only at the end.
  Result<std::string> read(std::int64_t offset, std::size_t limit) const;

 private:
  TemporaryFile(std::string directory, int fd) : directory_(std::move(directory)), fd_(fd) {}

  std::string directory_;
  int fd_;
};

}  // namespace sendonce::outbox
