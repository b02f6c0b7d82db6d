// Names for what a test makes and removes.

#pragma once

#include <filesystem>
#include <random>
#include <stdexcept>
#include <string>

#include "base/file.hh"

namespace sendonce::test {

/// In the directory ROOT, a name that nobody has; with slashes on every system.
inline std::string new_name(const std::filesystem::path& root, const std::string& kind) {
  std::random_device random;
  const auto name = kind + "-" + std::to_string(random()) + std::to_string(random());
  const std::u8string path = (absolute(root) / name).generic_u8string();
  return {path.begin(), path.end()};
}

/// A new empty directory below ROOT.
inline std::string new_directory(const std::filesystem::path& root, const std::string& kind) {
  std::string name = new_name(root, kind);
  if (!std::filesystem::create_directory(file_path(name))) throw std::runtime_error(name);
  return name;
}

}  // namespace sendonce::test
