// See temporary_file.hh.

#include "outbox/temporary_file.hh"

#include <string_view>

namespace sendonce::outbox {

namespace {

constexpr std::string_view prefix = "spool-";

}  // namespace

Result<TemporaryFile> TemporaryFile::make(const std::string& directory) {
  const auto name = os::random_name();
  if (!name) return fail(name.error());
  std::string path = directory + "/" + std::string(prefix) + *name;
  auto lock = os::lock_file(path, Deadline::after(Milliseconds(0)));
  if (!lock) return fail(lock.error());
  auto reader = os::open_to_read(path);
  if (!reader) return fail(reader.error());
  return TemporaryFile(std::move(path), std::move(*lock), std::move(*reader));
}

void TemporaryFile::sweep(const std::string& directory) {
  for (const std::string& name : os::files_in(directory)) {
    const std::string path = std::string(directory).append("/").append(name);
    if (!name.starts_with(prefix) || os::is_locked(path)) continue;
    if (auto lock = os::lock_file(path, Deadline::after(Milliseconds(0)))) lock->remove();
  }
}

}  // namespace sendonce::outbox
