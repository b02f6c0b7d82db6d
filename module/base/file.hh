// Files by their names in UTF-8, whatever the system's own letters are.  Any thread; blocks on the
// disk.

#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace sendonce {

/// NAME as std::filesystem and the streams of the library take it on every system.
std::filesystem::path file_path(std::string_view name);

/// All of a file; nothing if it cannot be read.
std::optional<std::string> read_file(std::string_view name);

}  // namespace sendonce
