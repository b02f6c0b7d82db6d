// A value that can be reached only through its lock.
//
//   Synchronised<std::deque<Event>> queue;
//   queue.lock()->push_back(event);
//
// `lock()` gives a guard that points at the value and holds the mutex while it lives.  `wait` lets
// a thread sleep until the value satisfies a condition; whoever changes the value calls `notify`.

#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace sendonce {

template <class T>
class Synchronised {
 public:
  Synchronised() = default;
  explicit Synchronised(T value) : value_(std::move(value)) {}

  class Guard {
   public:
    explicit Guard(Synchronised& owner) : owner_(owner), lock_(owner.mutex_) {}
    T* operator->() { return &owner_.value_; }
    T& operator*() { return owner_.value_; }

    /// Sleeps, the lock released, until READY() holds.
    template <class Ready>
    void wait(Ready ready) {
      owner_.changed_.wait(lock_, std::move(ready));
    }

    /// Sleeps until READY() holds or UNTIL has come; true if READY() holds.
    /// With the system clock UNTIL comes on time even when the machine slept meanwhile.
    template <class Clock, class Ready>
    bool wait_until(std::chrono::time_point<Clock> until, Ready ready) {
      return owner_.changed_.wait_until(lock_, until, std::move(ready));
    }

   private:
    Synchronised& owner_;
    std::unique_lock<std::mutex> lock_;
  };

  Guard lock() { return Guard(*this); }
  void notify() { changed_.notify_all(); }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  T value_{};
};

}  // namespace sendonce
