// Bytes that must not be seen: passwords, tokens, sign-in responses.
//
// Owns its bytes; wipes them when it dies or is assigned over.  Move-only; has no operator<<, no
// conversion to a string, no comparison.  Whoever needs the bytes says `reveal()`, which is easy to
// search for.  Any thread.

#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace sendonce {

/// Overwrites memory so that the compiler cannot leave it out.
void wipe(void* bytes, std::size_t size) noexcept;

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view bytes);
  /// SIZE bytes of zero, to be filled through `writable()`.
  explicit Secret(std::size_t size);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  /// The bytes, for the call that needs them; followed by a NUL that is not counted.
  [[nodiscard]] std::string_view reveal() const noexcept;
  [[nodiscard]] char* writable() noexcept { return bytes_.get(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] Secret copy() const { return Secret(reveal()); }

 private:
  std::unique_ptr<char[]> bytes_;  // NOLINT(modernize-avoid-c-arrays): size() + 1 bytes
  std::size_t size_ = 0;
};

}  // namespace sendonce
