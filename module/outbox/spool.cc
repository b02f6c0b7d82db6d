// See spool.hh.

#include "outbox/spool.hh"

#include <utility>

namespace sendonce::outbox {

namespace {
constexpr std::size_t piece_size = 262144;
}

Result<std::unique_ptr<Spool>> Spool::make(const std::string& directory, std::string boundary) {
  auto file = TemporaryFile::make(directory);
  if (!file) return fail(file.error());
  return std::unique_ptr<Spool>(new Spool(std::move(*file), std::move(boundary)));
}

Status Spool::take(bool hashed, const std::function<void(std::string_view)>& look) {
  for (;;) {
    auto piece = file_.read(octets_, piece_size);
    if (!piece) return fail(piece.error());
    if (piece->empty()) return {};
    if (piece->find('\0') != std::string::npos) {
      return fail(Cause::bad_argument, Phase::none,
                  "The message has a NUL byte in it, which no mail may hold");
    }
    octets_ += static_cast<std::int64_t>(piece->size());
    if (hashed) hash_.add(*piece);
    look(*piece);
  }
}

}  // namespace sendonce::outbox
