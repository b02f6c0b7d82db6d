// See outbox/os.hh.
//
// Locks are flock(2): they belong to the open file description, so they end with the process,
// exclude a second holder in the same process, and (unlike fcntl's) are not lost when some other
// code closes the same file.  A child shares the description: O_CLOEXEC ends that at exec, and for
// a child that never execs a pthread_atfork handler closes its copies; else a dead Emacs would seem
// to live on in it.

#include "outbox/os.hh"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

#include "outbox/disk.hh"

namespace sendonce::outbox::os {

namespace {

constexpr mode_t private_file = 0600;
constexpr mode_t private_directory = 0700;
constexpr mode_t others = 0077;
constexpr Milliseconds lock_poll{10};

std::string_view remedy(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return "; make room on that disk, then try again";
    case EACCES:
    case EPERM:
      return "; give yourself the right to write there, or choose another sendonce-directory";
    case EROFS:
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG:
      return "; choose another sendonce-directory";
    default:
      return "";
  }
}

tl::unexpected<Error> os_failure(std::string_view doing, const std::string& path, int error) {
  return fail(means_full(error) ? Cause::storage_full : Cause::storage, Phase::none,
              "Cannot " + std::string(doing) + " " + path + ": " + words(error) +
                  std::string(remedy(error)));
}

/// The descriptors of held locks, for the child side of fork.
struct HeldLocks {
  std::mutex mutex;
  std::vector<int> descriptors;
};

void close_in_child();
void before_fork();
void after_fork();

/// Never destroyed: locks may be let go during exit.
HeldLocks& held_locks() {
  static HeldLocks& held = *[] {
    pthread_atfork(before_fork, after_fork, close_in_child);
    return new HeldLocks;
  }();
  return held;
}

void before_fork() { held_locks().mutex.lock(); }
void after_fork() { held_locks().mutex.unlock(); }
void close_in_child() {
  for (const int fd : held_locks().descriptors) ::close(fd);
  held_locks().descriptors.clear();
  held_locks().mutex.unlock();
}

void note_held(int fd) {
  const std::lock_guard guard(held_locks().mutex);
  held_locks().descriptors.push_back(fd);
}

/// False when FD is not ours: in a child of fork, where it is closed already and may mean another
/// file.
bool note_released(int fd) {
  const std::lock_guard guard(held_locks().mutex);
  return std::erase(held_locks().descriptors, fd) > 0;
}

/// A descriptor for the length of one function.
class Scoped {
 public:
  explicit Scoped(int fd) : fd_(fd) {}
  Scoped(const Scoped&) = delete;
  Scoped& operator=(const Scoped&) = delete;
  ~Scoped() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

int open_file(const std::string& path, int flags) {
  return ::open(path.c_str(), flags | O_CLOEXEC, private_file);
}

int flock_retrying(int fd, int operation) {
  int result = -1;
  do {
    result = ::flock(fd, operation);
  } while (result != 0 && errno == EINTR);
  return result;
}

/// Is FD still the file that PATH names?  A sweeper may have removed it before we had the lock.
bool still_named(int fd, const std::string& path) {
  struct stat by_descriptor {};
  struct stat by_name {};
  return ::fstat(fd, &by_descriptor) == 0 && ::stat(path.c_str(), &by_name) == 0 &&
         by_descriptor.st_ino == by_name.st_ino && by_descriptor.st_dev == by_name.st_dev;
}

std::string parent_of(const std::string& path) {
  const auto slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// A new name is on disk only when its directory is.
Status sync_directory(const std::string& path) {
  const Scoped directory(open_file(path, O_RDONLY | O_DIRECTORY));
  if (!directory.valid()) return os_failure("open", path, errno);
  if (!sync_to_disk(directory.get()) && errno != EINVAL) return os_failure("sync", path, errno);
  return {};
}

bool is_directory(const std::string& path) {
  struct stat facts {};
  return ::stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
}

Status make_directories(const std::string& path) {
  if (is_directory(path)) return {};
  const std::string parent = parent_of(path);
  if (parent != path) {
    if (auto made = make_directories(parent); !made) return made;
  }
  if (::mkdir(path.c_str(), private_directory) == 0) return sync_directory(parent);
  const int error = errno;
  if (error != EEXIST) return os_failure("make the directory", path, error);
  if (!is_directory(path)) return os_failure("use as a directory", path, ENOTDIR);
  return {};
}

std::string without_final_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace

bool means_full(int os_error) noexcept { return os_error == ENOSPC || os_error == EDQUOT; }

std::string words(int os_error) { return std::generic_category().message(os_error); }

void FileLock::release() noexcept {
  if (const int fd = std::exchange(fd_, -1); fd >= 0 && note_released(fd)) ::close(fd);
}

void FileLock::remove() noexcept {
  const int fd = std::exchange(fd_, -1);
  if (fd < 0 || !note_released(fd)) return;
  ::unlink(path_.c_str());
  ::close(fd);
}

Reader::~Reader() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::string> Reader::read(std::int64_t offset, std::size_t limit) const {
  std::string bytes(limit, '\0');
  std::size_t have = 0;
  while (have < limit) {
    const ssize_t count = ::pread(fd_, bytes.data() + have, limit - have,
                                  static_cast<off_t>(offset) + static_cast<off_t>(have));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return os_failure("read", path_, errno);
    if (count == 0) break;
    have += static_cast<std::size_t>(count);
  }
  bytes.resize(have);
  return bytes;
}

Result<Reader> open_to_read(const std::string& path) {
  const int fd = open_file(path, O_RDONLY | O_NOFOLLOW);
  if (fd < 0) return os_failure("open", path, errno);
  return Reader(path, fd);
}

Result<FileLock> lock_file(const std::string& path, Deadline deadline) {
  for (;;) {
    Scoped file(open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW));
    if (!file.valid()) return os_failure("open the lock file", path, errno);
    while (flock_retrying(file.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return os_failure("lock", path, errno);
      if (deadline.passed()) return os_failure("lock", path, ETIMEDOUT);
      std::this_thread::sleep_for(lock_poll);
    }
    if (!still_named(file.get(), path)) continue;
    note_held(file.get());
    return FileLock(path, file.release());
  }
}

bool is_locked(const std::string& path) {
  const Scoped file(open_file(path, O_RDONLY | O_NOFOLLOW));
  if (!file.valid()) return errno != ENOENT;
  // Shared: two who look at the same time do not take each other for the owner.
  return flock_retrying(file.get(), LOCK_SH | LOCK_NB) != 0;
}

Result<Facts> inspect(const std::string& path) {
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) != 0) {
    if (errno == ENOENT) return Facts{};
    return os_failure("examine", path, errno);
  }
  Facts found;
  found.kind = S_ISREG(facts.st_mode)   ? Kind::file
               : S_ISLNK(facts.st_mode) ? Kind::link
                                        : Kind::other;
  found.is_public = (facts.st_mode & others) != 0;
  found.has_aliases = facts.st_nlink > 1;
  return found;
}

Result<std::string> make_private_directory(const std::string& path) {
  if (auto made = make_directories(without_final_slashes(path)); !made) return fail(made.error());
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                         &std::free);
  if (!real) return os_failure("resolve", path, errno);
  return std::string(real.get());
}

Status create_private_file(const std::string& path) {
  const Scoped file(open_file(path, O_RDWR | O_CREAT | O_EXCL));
  if (!file.valid()) return os_failure("create", path, errno);
  return sync_directory(parent_of(path));
}

Status make_private(const std::string& path) {
  if (::chmod(path.c_str(), private_file) != 0) return os_failure("make private", path, errno);
  return {};
}

Status rename_file(const std::string& from, const std::string& to) {
  auto there = inspect(to);
  if (!there) return fail(there.error());
  if (there->kind != Kind::missing) return os_failure("rename to", to, EEXIST);
  if (::rename(from.c_str(), to.c_str()) != 0) return os_failure("rename", from, errno);
  return sync_directory(parent_of(to));
}

std::vector<std::string> files_in(const std::string& directory) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), &::closedir);
  if (!stream) return names;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is ours alone
  while (const dirent* found = ::readdir(stream.get())) {
    if (found->d_name[0] != '.') names.emplace_back(found->d_name);
  }
  return names;
}

Result<std::string> random_name() {
  std::array<unsigned char, 16> bytes{};
  if (::getentropy(bytes.data(), bytes.size()) != 0) {
    return os_failure("read random bytes for", "a lock file", errno);
  }
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string name;
  for (const unsigned char byte : bytes) {
    name += digits[byte >> 4U];
    name += digits[byte & 15U];
  }
  return name;
}

}  // namespace sendonce::outbox::os
