// See stream.hh.

#include "net/stream.hh"

#include <utility>

#include "net/poll.hh"
#include "net/socket.hh"

namespace sendonce::net {

namespace {

tl::unexpected<Error> timed_out(Readiness wanted) {
  return fail(Cause::timed_out, Phase::none,
              wanted.read && !wanted.write ? "the server did not answer in time"
                                           : "the server took no more bytes in time");
}

tl::unexpected<Error> lost(int error) {
  return fail(Cause::connection_lost, Phase::none, "the server " + socket_words(error));
}

}  // namespace

Stream::Stream(Descriptor socket, std::shared_ptr<const Wake> wake)
    : socket_(std::move(socket)), wake_(std::move(wake)), peer_(peer_of(socket_.get()).text()) {}

Result<Readiness> Stream::wait(Readiness wanted, Deadline deadline) const {
  if (!open()) return fail(Cause::connection_lost, Phase::none, "the connection is closed");
  Interest interest{socket_.get(), wanted.read, wanted.write};
  switch (poll_for({&interest, 1}, deadline, wake_.get())) {
    case Poll::ready:
      return Readiness{interest.readable, interest.writable};
    case Poll::timed_out:
      return timed_out(wanted);
    case Poll::woken:
      return fail(Cause::cancelled, Phase::none, "cancelled");
    case Poll::failed:
      break;
  }
  return fail(Cause::internal, Phase::none, "waiting for the server failed");
}

Readiness Stream::ready_now(Readiness wanted) const {
  if (!open()) return {};
  Interest interest{socket_.get(), wanted.read, wanted.write};
  (void)poll_for({&interest, 1}, Deadline::after(Milliseconds(0)), nullptr);
  return {interest.readable, interest.writable};
}

Result<std::optional<std::size_t>> Stream::receive(std::span<char> into) {
  const Moved moved = receive_some(socket_.get(), into);
  ++counters_.reads;
  counters_.bytes_in += moved.count;
  if (moved.error != 0) return lost(moved.error);
  if (!moved.would_block) return std::optional(moved.count);
  ++counters_.would_block;
  return std::optional<std::size_t>();
}

Result<std::size_t> Stream::send(std::string_view bytes) {
  const Moved moved = send_some(socket_.get(), bytes);
  ++counters_.writes;
  counters_.bytes_out += moved.count;
  if (moved.error != 0) return lost(moved.error);
  if (moved.would_block) ++counters_.would_block;
  return moved.count;
}

}  // namespace sendonce::net
