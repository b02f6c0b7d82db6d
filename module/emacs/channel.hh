// The writing end of the pipe by which Lisp is woken, as open_channel gave it.  Platform files:
// channel.cc.
//
// Owned by the event queue.  `say` may be called by any thread; the others by the Lisp thread.

#pragma once

namespace sendonce::emacs {

class Channel {
 public:
  /// Owns DESCRIPTOR, which is one of the C library that Emacs uses, not of ours.
  explicit Channel(int descriptor) noexcept : descriptor_(descriptor) {}
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// One byte into the pipe.  That Emacs has closed its end is no news to tell.
  void say() const noexcept;
  /// Lisp is about to delete the process at the other end, in this very call of the module's
  /// function and what follows it without waiting.
  void before_delete() const noexcept;

 private:
  const int descriptor_;
};

}  // namespace sendonce::emacs
