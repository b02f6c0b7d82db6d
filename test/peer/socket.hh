// The transport of one connection: raw octets, counted, cut and slowed as the plan says.
//
// Blocking, used by the connection's thread alone.  read() and write() throw End when a raw cut
// fires or the client has reset the line; TLS keeps the End over the C boundary (tls.cc).

#pragma once

#include <cstdint>
#include <string_view>

#include "ending.hh"
#include "fd.hh"
#include "plan.hh"

namespace peer {

class Socket {
 public:
  Socket(Fd fd, const Plan& plan);

  // At least one octet, at most `size`; 0 when the client has closed.
  std::size_t read(char* to, std::size_t size);
  void write(std::string_view bytes);

  bool readable(int timeout_ms) const;
  std::uint64_t received() const { return received_; }
  std::uint64_t sent() const { return sent_; }

  // Ends the line on the transport and closes it.  drop_notify is drop here: TLS has said its part.
  void finish(Ending how);

 private:
  std::size_t allowed(std::size_t size) const;
  void send_all(std::string_view bytes);
  void slow_down(std::size_t octets) const;
  void orderly_close();
  void reset_close();
  void wait_for_close() const;
  bool forget_input(int timeout_ms);

  Fd fd_;
  std::optional<Cut> in_;
  std::optional<Cut> out_;
  std::uint64_t rate_;  // octets a second; 0: no limit
  std::uint64_t received_ = 0;
  std::uint64_t sent_ = 0;
};

}  // namespace peer
