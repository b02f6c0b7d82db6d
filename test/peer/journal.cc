#include "journal.hh"

#include <array>
#include <cstdio>

namespace peer {
namespace {

constexpr int append_flags = O_WRONLY | O_APPEND | O_CREAT;

std::string tag(std::uint64_t connection) { return "#" + std::to_string(connection) + " "; }

std::string escape(unsigned char c) {
  if (c == '\r') return "\\r";
  if (c == '\n') return "\\n";
  if (c >= 0x20 && c < 0x7f) return {char(c)};
  std::array<char, 8> text{};
  static_cast<void>(std::snprintf(text.data(), text.size(), "\\x%02x", c));
  return text.data();
}

}  // namespace

Journal::Journal(std::filesystem::path dir)
    : dir_(std::move(dir)),
      log_(open_file(dir_ / "log", append_flags)),
      totals_(open_file(dir_ / "totals", append_flags)) {}

void Journal::log(std::uint64_t connection, std::string_view text) const {
  const std::chrono::duration<double> age = std::chrono::steady_clock::now() - start_;
  std::array<char, 32> time{};
  static_cast<void>(std::snprintf(time.data(), time.size(), "%.6f ", age.count()));
  write_all(log_, time.data() + tag(connection) + escaped(text) + "\n");
}

void Journal::violation(std::uint64_t connection, std::string_view text) const {
  const Fd file = open_file(dir_ / "violations", append_flags);
  write_all(file, tag(connection) + escaped(text) + "\n");
  log(connection, "violation: " + std::string(text));
}

void Journal::totals(std::string_view line) const { write_all(totals_, std::string(line) + "\n"); }

std::string escaped(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += escape(static_cast<unsigned char>(c));
  return text;
}

}  // namespace peer
