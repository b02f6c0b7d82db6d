// See outbox/os.hh and disk.hh.

#include "outbox/disk.hh"

#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "outbox/os.hh"

namespace sendonce::outbox::os {

bool sync_to_disk(int descriptor) noexcept { return ::fsync(descriptor) == 0; }

bool on_network(const std::string& path) {
  // From statfs(2) and linux/magic.h; written out because older headers lack some.
  static constexpr std::array<std::uint32_t, 11> remote{
      0x00006969,  // NFS
      0x0000517B,  // SMB
      0xFE534D42,  // SMB2
      0xFF534D42,  // CIFS
      0x65735546,  // FUSE: sshfs and the like
      0x01021997,  // 9P
      0x5346414F,  // AFS
      0x6B414653,  // kAFS
      0x73757245,  // Coda
      0x00C36400,  // Ceph
      0x0BD00BD0,  // Lustre
  };
  struct statfs facts {};
  if (::statfs(path.c_str(), &facts) != 0) return false;
  const auto type = static_cast<std::uint32_t>(facts.f_type);
  return std::find(remote.begin(), remote.end(), type) != remote.end();
}

}  // namespace sendonce::outbox::os
