// Tells when this machine has got another address: the network is there again, or is another one.
//
// Owned by the engine, whose watching thread sleeps in `wait`; no wake-up while nothing changes.
// Platform file: rtnetlink(7) on Linux; elsewhere it never tells, and the schedule alone decides.

#pragma once

#include "base/result.hh"
#include "net/descriptor.hh"
#include "net/wake.hh"

namespace sendonce::net {

class NetworkWatch {
 public:
  /// Error: internal, where the system gives no such socket; one can do without.
  static Result<NetworkWatch> make();

  /// Sleeps until an address has come up (true), or `stop` was called, or it cannot tell (false).
  bool wait();
  /// Ends `wait`, for good.  Any thread.
  void stop() const noexcept { wake_.wake(); }

 private:
  NetworkWatch(Descriptor socket, Wake wake) : socket_(std::move(socket)), wake_(std::move(wake)) {}

  Descriptor socket_;
  Wake wake_;
};

}  // namespace sendonce::net
