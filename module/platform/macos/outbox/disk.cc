// See outbox/os.hh and disk.hh.  Never compiled by those who wrote it.

#include "outbox/disk.hh"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/param.h>
#include <unistd.h>

#include "outbox/os.hh"

namespace sendonce::outbox::os {

// fsync(2) hands it to the drive, which may keep it in its cache; some file systems know no more.
bool sync_to_disk(int descriptor) noexcept {
  return ::fcntl(descriptor, F_FULLFSYNC) == 0 || ::fsync(descriptor) == 0;
}

bool on_network(const std::string& path) {
  struct statfs facts {};
  return ::statfs(path.c_str(), &facts) == 0 && (facts.f_flags & MNT_LOCAL) == 0;
}

}  // namespace sendonce::outbox::os
