// See owners.hh.

#include "outbox/owners.hh"

#include <algorithm>

namespace sendonce::outbox {

namespace {

constexpr std::size_t id_length = 32;

/// The text comes out of a database: it must not lead out of the directory.
bool is_id(std::string_view text) {
  return text.size() == id_length && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

std::string Owners::path_of(std::string_view owner) const {
  return directory_ + "/" + std::string(owner);
}

Result<Owners> Owners::enter(const std::string& directory) {
  auto made = os::make_private_directory(directory + "/owners");
  if (!made) return fail(made.error());
  auto id = os::random_name();
  if (!id) return fail(id.error());
  Owners owners;
  owners.directory_ = std::move(*made);
  owners.self_ = std::move(*id);
  auto lock = os::lock_file(owners.path_of(owners.self_), Deadline::never());
  if (!lock) return fail(lock.error());
  owners.lock_ = std::move(*lock);
  return owners;
}

bool Owners::alive(std::string_view owner) const {
  return is_id(owner) && os::is_locked(path_of(owner));
}

bool Owners::alone() const {
  const auto names = os::files_in(directory_);
  return std::none_of(names.begin(), names.end(),
                      [this](const std::string& name) { return name != self_ && alive(name); });
}

void Owners::sweep() const {
  for (const std::string& name : os::files_in(directory_)) {
    if (name == self_ || !is_id(name) || alive(name)) continue;
    // Locked while it goes: one who has just made it and waits for the lock sees that it is gone.
    if (auto lock = os::lock_file(path_of(name), Deadline::after(Milliseconds(0)))) lock->remove();
  }
}

}  // namespace sendonce::outbox
