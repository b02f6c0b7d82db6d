// A wake descriptor: lets one thread end another's poll(2).
//
// Owns a pipe (non-blocking, close-on-exec).  `wake()` may be called from any thread, any number of
// times, and is remembered until `clear()`; whoever polls adds `descriptor()` to what it polls for.

#pragma once

#include "base/result.hh"
#include "net/descriptor.hh"

namespace sendonce::net {

class Wake {
 public:
  static Result<Wake> make();

  void wake() const noexcept;
  /// Forgets all that was woken so far.
  void clear() const noexcept;
  [[nodiscard]] int descriptor() const noexcept { return reader_.get(); }

 private:
  Wake(Descriptor reader, Descriptor writer);
  Descriptor reader_;
  Descriptor writer_;
};

}  // namespace sendonce::net
