// See secret.hh.

#include "base/secret.hh"

#include <algorithm>
#include <utility>

namespace sendonce {

void wipe(void* bytes, std::size_t size) noexcept {
  auto* at = static_cast<volatile unsigned char*>(bytes);
  for (std::size_t i = 0; i < size; ++i) at[i] = 0;
}

Secret::Secret(std::string_view bytes) : Secret(bytes.size()) {
  std::copy(bytes.begin(), bytes.end(), bytes_.get());
}

Secret::Secret(std::size_t size) : bytes_(std::make_unique<char[]>(size + 1)), size_(size) {}

Secret::Secret(Secret&& other) noexcept
    : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) return *this;
  if (bytes_) wipe(bytes_.get(), size_);
  bytes_ = std::move(other.bytes_);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

Secret::~Secret() {
  if (bytes_) wipe(bytes_.get(), size_);
}

std::string_view Secret::reveal() const noexcept {
  return bytes_ ? std::string_view(bytes_.get(), size_) : std::string_view();
}

}  // namespace sendonce
