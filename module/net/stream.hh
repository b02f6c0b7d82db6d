// A connected socket with waiting and counting.
//
// Called by the one thread that owns the line.  `receive` and `send` are one system call each and
// are made only after `wait` (or `..._now`) said that they can go on.  Knows nothing of TLS or
// SMTP.

#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hh"
#include "base/result.hh"
#include "net/descriptor.hh"
#include "net/line.hh"
#include "net/wake.hh"

namespace sendonce::net {

/// What is wanted of a socket, or what it can do.
struct Readiness {
  bool read = false;
  bool write = false;
};

class Stream {
 public:
  Stream(Descriptor socket, std::shared_ptr<const Wake> wake);

  /// Waits until some of WANTED can be done.  Errors: timed_out, cancelled, connection_lost (closed
  /// by us).
  [[nodiscard]] Result<Readiness> wait(Readiness wanted, Deadline deadline) const;
  /// Waits until something could be received (or the line has ended), DEADLINE, or WAKE; receives
  /// nothing and has no part in the line's own waits.
  void watch(Deadline deadline, const Wake& wake) const;
  [[nodiscard]] bool readable_now() const { return ready_now({true, false}).read; }
  [[nodiscard]] bool writable_now() const { return ready_now({false, true}).write; }

  /// One receive: the count, 0 for EOF, nothing if it would block.  Errors: connection_lost.
  Result<std::optional<std::size_t>> receive(std::span<char> into);
  /// One send: the count, 0 if it would block.  Errors: connection_lost.
  Result<std::size_t> send(std::string_view bytes);

  [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }
  void close() noexcept { socket_.close(); }
  [[nodiscard]] bool open() const noexcept { return socket_.valid(); }
  [[nodiscard]] const std::string& peer() const noexcept { return peer_; }
  LineCounters& counters() noexcept { return counters_; }
  [[nodiscard]] const LineCounters& counters() const noexcept { return counters_; }

 private:
  [[nodiscard]] Readiness ready_now(Readiness wanted) const;

  Descriptor socket_;
  std::shared_ptr<const Wake> wake_;
  std::string peer_;
  LineCounters counters_;
};

}  // namespace sendonce::net
