// DIR/log, DIR/violations and DIR/totals: one line an event, each appended with a single write.
//
// Shared by all threads; needs no lock, since O_APPEND keeps single writes whole.  DIR/violations
// is made at the first violation: no file means none.

#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "fd.hh"

namespace peer {

class Journal {
 public:
  explicit Journal(std::filesystem::path dir);

  void log(std::uint64_t connection, std::string_view text) const;
  void violation(std::uint64_t connection, std::string_view text) const;
  void totals(std::string_view line) const;

 private:
  std::filesystem::path dir_;
  Fd log_;
  Fd totals_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Control and non-ASCII octets as \r, \n, \xHH.
std::string escaped(std::string_view bytes);

}  // namespace peer
