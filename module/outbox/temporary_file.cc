// See temporary_file.hh.

#include "outbox/temporary_file.hh"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <system_error>

namespace sendonce::outbox {

namespace {

constexpr std::string_view prefix = "spool-";

tl::unexpected<Error> failure(std::string_view doing, const std::string& path, int error) {
  return fail(
      os::means_full(error) ? Cause::storage_full : Cause::storage, Phase::none,
      "Cannot " + std::string(doing) + " " + path + ": " + std::system_category().message(error));
}

}  // namespace

Result<TemporaryFile> TemporaryFile::make(const std::string& directory) {
  const auto name = os::random_name();
  if (!name) return fail(name.error());
  std::string path = directory + "/" + std::string(prefix) + *name;
  auto lock = os::lock_file(path, Deadline::after(Milliseconds(0)));
  if (!lock) return fail(lock.error());
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return failure("open", path, errno);
  return TemporaryFile(std::move(path), std::move(*lock), fd);
}

TemporaryFile::~TemporaryFile() {
  lock_.remove();
  if (fd_ >= 0) ::close(fd_);
}

Result<std::string> TemporaryFile::read(std::int64_t offset, std::size_t limit) const {
  std::string bytes(limit, '\0');
  std::size_t have = 0;
  while (have < limit) {
    const ssize_t count = ::pread(fd_, bytes.data() + have, limit - have,
                                  static_cast<off_t>(offset) + static_cast<off_t>(have));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure("read", path_, errno);
    if (count == 0) break;
    have += static_cast<std::size_t>(count);
  }
  bytes.resize(have);
  return bytes;
}

void TemporaryFile::sweep(const std::string& directory) {
  for (const std::string& name : os::files_in(directory)) {
    const std::string path = std::string(directory).append("/").append(name);
    if (!name.starts_with(prefix) || os::is_locked(path)) continue;
    if (auto lock = os::lock_file(path, Deadline::after(Milliseconds(0)))) lock->remove();
  }
}

}  // namespace sendonce::outbox
