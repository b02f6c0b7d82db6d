// See temporary_file.hh.

#include "outbox/temporary_file.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "outbox/os.hh"

namespace sendonce::outbox {

namespace {

constexpr mode_t private_file = 0600;

tl::unexpected<Error> failure(std::string_view what, const std::string& directory, int error) {
  return fail(os::means_full(error) ? Cause::storage_full : Cause::storage, Phase::none,
              "Cannot " + std::string(what) + " a temporary file in " + directory + ": " +
                  std::system_category().message(error));
}

/// Where the file system makes no nameless files: one whose name goes at once.
int open_unlinked(const std::string& directory) {
  const auto name = os::random_name();
  if (!name) return -1;
  const std::string path = directory + "/spool-" + *name;
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, private_file);
  if (fd >= 0) ::unlink(path.c_str());
  return fd;
}

int open_nameless([[maybe_unused]] const std::string& directory) {
#ifdef O_TMPFILE
  return ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, private_file);
#else
  return -1;
#endif
}

}  // namespace

Result<TemporaryFile> TemporaryFile::make(const std::string& directory) {
  int fd = open_nameless(directory);
  if (fd < 0) fd = open_unlinked(directory);
  if (fd < 0) return failure("make", directory, errno);
  return TemporaryFile(directory, fd);
}

TemporaryFile::~TemporaryFile() {
  if (fd_ >= 0) ::close(fd_);
}

Status TemporaryFile::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failure("write", directory_, errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<std::string> TemporaryFile::read(std::int64_t offset, std::size_t limit) const {
  std::string bytes(limit, '\0');
  std::size_t have = 0;
  while (have < limit) {
    const ssize_t count = ::pread(fd_, bytes.data() + have, limit - have,
                                  static_cast<off_t>(offset) + static_cast<off_t>(have));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure("read", directory_, errno);
    if (count == 0) break;
    have += static_cast<std::size_t>(count);
  }
  bytes.resize(have);
  return bytes;
}

}  // namespace sendonce::outbox
