// See file.hh.

#include "base/file.hh"

#include <fstream>
#include <iterator>

namespace sendonce {

std::filesystem::path file_path(std::string_view name) {
  return {std::u8string(name.begin(), name.end())};
}

std::optional<std::string> read_file(std::string_view name) {
  std::ifstream stream(file_path(name), std::ios::binary);
  if (!stream) return {};
  std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  if (stream.bad()) return {};
  return bytes;
}

}  // namespace sendonce
