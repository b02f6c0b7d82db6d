// See spool.hh.

#include "outbox/spool.hh"

#include <utility>

namespace sendonce::outbox {

Result<std::unique_ptr<Spool>> Spool::make(const std::string& directory, std::string boundary) {
  auto file = TemporaryFile::make(directory);
  if (!file) return fail(file.error());
  return std::unique_ptr<Spool>(new Spool(std::move(*file), std::move(boundary)));
}

Status Spool::add(std::string_view bytes, bool hashed) {
  if (bytes.find('\0') != std::string_view::npos) {
    return fail(Cause::bad_argument, Phase::none,
                "The message has a NUL byte in it, which no mail may hold");
  }
  if (auto status = file_.append(bytes); !status) return status;
  octets_ += static_cast<std::int64_t>(bytes.size());
  if (hashed) hash_.add(bytes);
  return {};
}

}  // namespace sendonce::outbox
