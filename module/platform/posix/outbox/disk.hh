// What the kinds of Unix do each in their way; disk.cc beside os.cc has it, and `os::on_network`.

#pragma once

namespace sendonce::outbox::os {

/// Has all that was written by way of DESCRIPTOR on the disk itself; false, and errno says why, if
/// that is not known.
bool sync_to_disk(int descriptor) noexcept;

}  // namespace sendonce::outbox::os
