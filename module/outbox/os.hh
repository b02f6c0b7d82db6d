// What the outbox asks of the operating system beyond SQLite: private files, held locks,
// directories made durable.  Platform files: os.cc.
//
// Any thread; nothing here is shared but the list of held locks, where there is fork(2).
// Paths are UTF-8.  Errors: Cause::storage or storage_full, with path, reason and remedy in the
// text.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hh"
#include "base/result.hh"

namespace sendonce::outbox::os {

/// A file locked exclusively for as long as this lives: let go when it dies or when the process
/// does, however that ends.  Two in one process exclude each other too.  Not inherited by children.
/// The file may be read and written meanwhile, by anybody who may.
class FileLock {
 public:
  FileLock() = default;
  FileLock(FileLock&& other) noexcept
      : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(fd_, other.fd_);
    return *this;
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock() { release(); }

  [[nodiscard]] bool held() const noexcept { return fd_ >= 0; }
  void release() noexcept;
  /// Removes the file while it is still locked, then lets go.
  void remove() noexcept;

 private:
  friend Result<FileLock> lock_file(const std::string& path, Deadline deadline);
  FileLock(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  std::string path_;
  int fd_ = -1;
};

/// A file opened to be read at any place; it stays readable when its name has gone.
class Reader {
 public:
  Reader(Reader&& other) noexcept
      : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
  Reader& operator=(Reader&&) = delete;
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader();

  /// At most LIMIT octets from OFFSET on; less only at the end.
  [[nodiscard]] Result<std::string> read(std::int64_t offset, std::size_t limit) const;

 private:
  friend Result<Reader> open_to_read(const std::string& path);
  Reader(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  std::string path_;
  int fd_;
};

/// PATH itself, never what it links to.
Result<Reader> open_to_read(const std::string& path);

/// Opens PATH (made if missing, private) and locks it; waits for another holder until DEADLINE.
Result<FileLock> lock_file(const std::string& path, Deadline deadline);
/// Does somebody hold the lock of PATH?  False if there is no such file; true when it cannot be
/// told, since a claim must not be taken from one who may live.
bool is_locked(const std::string& path);

enum class Kind { missing, file, link, other };

struct Facts {
  Kind kind = Kind::missing;
  bool is_public = false;    ///< others than the owner have some right to it
  bool has_aliases = false;  ///< it has a second name (hard link)
};

Result<Facts> inspect(const std::string& path);
/// Makes the directory and its parents, for the owner only, durably; its canonical absolute path.
Result<std::string> make_private_directory(const std::string& path);
/// Makes an empty file that only the owner may read or write, durably; never an existing one.
Status create_private_file(const std::string& path);
Status make_private(const std::string& path);
/// Durable; TO must not exist.
Status rename_file(const std::string& from, const std::string& to);
std::vector<std::string> files_in(const std::string& directory);
/// On a file system whose locks may not reach every machine (NFS, SMB, FUSE, ...)?
bool on_network(const std::string& path);
/// 128 random bits as 32 hexadecimal digits.
Result<std::string> random_name();
/// Does this error number of the system, as SQLite gives it, say that there is no room?
bool means_full(int os_error) noexcept;
/// The same in words.
std::string words(int os_error);

}  // namespace sendonce::outbox::os
