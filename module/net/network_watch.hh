// Tells when this machine has got another address: the network is there again, or is another one.
//
// Owned by the engine, whose watching thread sleeps in `wait`; no wake-up while nothing changes.
// Platform files: network_watch.cc.  Where one cannot be told, the schedule alone decides.

#pragma once

#include <memory>

#include "base/result.hh"
#include "net/wake.hh"

namespace sendonce::net {

class NetworkWatch {
 public:
  /// Error: internal, where the system gives no such socket; one can do without.
  static Result<NetworkWatch> make();
  NetworkWatch(NetworkWatch&&) noexcept;
  NetworkWatch& operator=(NetworkWatch&&) = delete;
  NetworkWatch(const NetworkWatch&) = delete;
  NetworkWatch& operator=(const NetworkWatch&) = delete;
  ~NetworkWatch();

  /// Sleeps until an address has come up (true), or `stop` was called, or it cannot tell (false).
  bool wait();
  /// Ends `wait`, for good.  Any thread.
  void stop() const noexcept { wake_.wake(); }

 private:
  struct Source;  // what the system tells it by
  NetworkWatch(std::unique_ptr<Source> source, Wake wake);

  std::unique_ptr<Source> source_;
  Wake wake_;
};

}  // namespace sendonce::net
