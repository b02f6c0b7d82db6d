// A large message on its way from a mail client to the outbox: Lisp writes it piece by piece into a
// file, which makes no garbage there, and says so; here each piece is looked at and hashed. Nothing
// holds the message whole, and no piece takes long.
//
// One owner at a time: the Lisp thread fills it, then a thread of the engine stores it.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hh"
#include "outbox/stable_hash.hh"
#include "outbox/temporary_file.hh"

namespace sendonce::outbox {

class Spool {
 public:
  /// BOUNDARY: as StableHash has it.
  static Result<std::unique_ptr<Spool>> make(const std::string& directory, std::string boundary);

  /// The file to be filled.
  [[nodiscard]] const std::string& path() const { return file_.path(); }
  /// Takes note of what was added to the file.  HASHED: it is of the body.  Errors: bad_argument
  /// for a NUL, which no mail may hold; storage, storage_full.  LOOK sees it, in order.
  Status take(bool hashed, const std::function<void(std::string_view)>& look);
  /// All is there.
  void close() { file_.hide(); }
  /// The hash of the body as far as it was added; once.
  std::string hash() { return hash_.finish(); }
  [[nodiscard]] std::int64_t octets() const { return octets_; }
  Result<std::string> read(std::int64_t offset, std::size_t limit) const {
    return file_.read(offset, limit);
  }

 private:
  Spool(TemporaryFile file, std::string boundary)
      : file_(std::move(file)), hash_(std::move(boundary)) {}

  TemporaryFile file_;
  StableHash hash_;
  std::int64_t octets_ = 0;
};

}  // namespace sendonce::outbox
