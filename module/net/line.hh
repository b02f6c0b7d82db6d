// A line to a server: blocking I/O with a deadline, in the clear or under TLS.
//
// Called by one thread, its owner (a delivery).  Every wait is one poll(2) on the socket and the
// wake descriptor until the deadline; only then comes the one non-blocking call that poll said can
// go on. There is no retry without a poll in between, so no busy loop (FIELD.md, case 1). Closing
// is abrupt but orderly: close_notify is offered once without waiting, never awaited.

#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hh"
#include "base/result.hh"
#include "net/tls.hh"
#include "net/wake.hh"

namespace sendonce::net {

/// What ends a read: bytes came (count > 0) or the peer closed (count 0, `truncated` when TLS was
/// closed without close_notify, which proves nothing about what the server did).
struct ReadCount {
  std::size_t count = 0;
  bool truncated = false;
};

/// Calls of the line that touch the socket, for the strace-free part of the figures.
struct LineCounters {
  unsigned long reads = 0;
  unsigned long writes = 0;
  unsigned long would_block = 0;  ///< EAGAIN after a poll that said ready
  unsigned long long bytes_in = 0;
  unsigned long long bytes_out = 0;
  /// Bytes of `write` that the kernel has, under TLS in whole records only.  Exact when a write
  /// failed, too: what the difference to before is, was handed over.
  unsigned long long payload_out = 0;
};

class Line {
 public:
  /// Takes over a connected, non-blocking socket.
  Line(Descriptor socket, std::shared_ptr<const Wake> wake);
  ~Line();
  Line(Line&&) noexcept;
  Line& operator=(Line&&) noexcept;
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  /// TLS handshake over the line as it is now.  Errors: tls_failed, not_tls, certificate,
  /// timed_out, connection_lost, cancelled, bad_argument, declined.  No byte of SMTP is sent before
  /// the server is accepted as TlsSettings says; after a failure nothing can be read or written any
  /// more.
  Status start_tls(const TlsSettings& settings, Deadline deadline);

  /// Waits until bytes are there, reads what one call gives.  Bytes already there when DEADLINE has
  /// passed are still given, once a deadline.  Errors: timed_out, cancelled, connection_lost,
  /// tls_failed; their phase is `none`, the caller knows it.
  Result<ReadCount> read(std::span<char> into, Deadline deadline);

  /// Hands all of BYTES to the kernel.  Returns early, with what went out so far, when input can be
  /// read meanwhile and STOP_FOR_INPUT is set: a server that speaks during the body must be heard.
  /// The count is exact to the record: under TLS a record that was not handed over whole is not
  /// counted, since the server cannot decrypt it.  After an early return the bytes not counted must
  /// come next, since a record of them may be partly out.  A write that failed with some of its
  /// bytes out can only be followed by `read` and `close`, which send nothing more of it; one that
  /// failed with none out may be tried again.  Errors as for `read`.
  Result<std::size_t> write(std::string_view bytes, Deadline deadline, bool stop_for_input);

  /// Is there input that a read would return without waiting?  (poll with time 0, and TLS buffers.)
  [[nodiscard]] bool has_input() const;
  /// For a poll of one's own, while nothing is read or written here.
  [[nodiscard]] int descriptor() const;

  /// What the TLS session turned out to be, also when its certificate was not accepted; nullptr in
  /// the clear, or if the handshake did not come that far.
  [[nodiscard]] const TlsInfo* tls_info() const;
  /// What a SASL mechanism with -PLUS binds to (RFC 5929, RFC 9266); nullopt in the clear, and
  /// where none is safe: TLS 1.2 without the extended master secret (RFC 7627).
  [[nodiscard]] std::optional<ChannelBinding> channel_binding() const;
  [[nodiscard]] const LineCounters& counters() const;
  /// The peer's address as text: "127.0.0.1:465", "[::1]:587".
  [[nodiscard]] std::string peer() const;
  /// Says close_notify if that needs no waiting, then closes.
  void close() noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sendonce::net
