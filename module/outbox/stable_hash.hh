// The hash of a message's body that stays the same from try to try: SHA-256 of it with its MIME
// boundaries, which mail clients make anew each time, replaced by numbers.  Part of the fingerprint
// of DESIGN.md section 1.
//
// Fed in pieces of any size.  Boundaries of inner multiparts are found in the headers of the parts,
// so that text which merely looks like one is left alone.

#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sendonce::outbox {

class StableHash {
 public:
  /// BOUNDARY: the outermost, as the message's own Content-Type names it; "" for none.
  explicit StableHash(std::string boundary);
  ~StableHash();
  StableHash(const StableHash&) = delete;
  StableHash& operator=(const StableHash&) = delete;

  void add(std::string_view bytes);
  /// 64 lower-case hexadecimal digits; nothing may be added after it.
  std::string finish();

 private:
  struct Digest;

  void line(std::string_view text);
  [[nodiscard]] std::size_t place_of(std::string_view boundary) const;
  bool boundary_line(std::string_view text);  // of a line that begins with "--"
  void header_line(std::string_view text);
  void end_header();
  void put(std::string_view bytes);

  std::unique_ptr<Digest> digest_;
  std::vector<std::string> known_;  // boundaries, the outermost first
  std::string partial_;             // a line whose end has not come
  bool passing_ = false;            // it is too long to be of interest, and was put already
  bool in_header_ = false;          // of a part
  std::string header_;
};

}  // namespace sendonce::outbox
