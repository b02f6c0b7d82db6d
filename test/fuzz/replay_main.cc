// Runs one fuzz target over files, each once, where there is no libFuzzer: fuzz-TARGET FILE...
//
// Each file is run whole and cut short at every place (of its first 512), since what ends too early
// is what goes wrong most.

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "target.hh"

namespace {

constexpr std::size_t most_cuts = 512;

void run(const std::string& bytes, std::size_t length) {
  // A copy of just that length, so that a sanitizer sees a read beyond it.
  const std::string input = bytes.substr(0, length);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes as bytes
  (void)LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

bool replay(const char* name) {
  std::ifstream file(name, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file && !file.eof()) return false;
  // Without a buffer: a finding aborts, and this says which file it was.
  (void)std::fprintf(stderr, "%s\n", name);
  for (std::size_t cut = 0; cut < std::min(bytes.size(), most_cuts); ++cut) run(bytes, cut);
  run(bytes, bytes.size());
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  for (int i = 1; i < count; ++i) {
    if (replay(arguments[i])) continue;
    (void)std::fprintf(stderr, "cannot read %s\n", arguments[i]);
    return 1;
  }
  return count > 1 ? 0 : 1;
}
