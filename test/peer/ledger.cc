#include "ledger.hh"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace peer {
namespace {

namespace fs = std::filesystem;

std::string padded(std::uint64_t number) {
  std::array<char, 24> text{};
  static_cast<void>(
      std::snprintf(text.data(), text.size(), "%06llu", static_cast<unsigned long long>(number)));
  return text.data();
}

std::uint64_t last_number(const fs::path& messages) {
  std::uint64_t last = 0;
  for (const auto& file : fs::directory_iterator(messages)) {
    const std::string stem = file.path().stem().string();
    std::uint64_t number = 0;
    std::from_chars(stem.data(), stem.data() + stem.size(), number);
    last = std::max(last, number);
  }
  return last;
}

}  // namespace

Incoming::Incoming(fs::path path)
    : path_(std::move(path)), fd_(open_file(path_, O_WRONLY | O_CREAT | O_TRUNC)) {}

Incoming::Incoming(Incoming&& other) noexcept
    : path_(std::exchange(other.path_, {})), fd_(std::move(other.fd_)) {}

Incoming::~Incoming() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

Ledger::Ledger(const fs::path& dir, bool sync)
    : incoming_(dir / "incoming"), messages_(dir / "messages"), sync_(sync) {
  fs::remove_all(incoming_);
  fs::create_directories(incoming_);
  fs::create_directories(messages_);
  next_message_ = last_number(messages_) + 1;
}

Incoming Ledger::open() {
  const std::lock_guard lock(mutex_);
  return Incoming(incoming_ / padded(++next_incoming_));
}

std::string Ledger::accept(Incoming& message, std::string_view envelope) {
  sync(message.fd_);
  const std::lock_guard lock(mutex_);
  std::string name = padded(next_message_);
  put_envelope(name, envelope);
  fs::rename(message.path_, messages_ / (name + ".eml"));
  ++next_message_;
  message.path_.clear();
  sync(open_file(messages_, O_RDONLY | O_DIRECTORY));
  return name;
}

void Ledger::put_envelope(const std::string& name, std::string_view envelope) {
  const fs::path path = incoming_ / (name + ".env");
  const Fd file = open_file(path, O_WRONLY | O_CREAT | O_TRUNC);
  write_all(file, envelope);
  sync(file);
  fs::rename(path, messages_ / (name + ".env"));
}

void Ledger::sync(const Fd& fd) const {
  if (sync_ && ::fsync(fd.get()) != 0) throw_errno("fsync");
}

}  // namespace peer
