// The SMTP-layer octets of one connection, in either direction: buffered, counted, cut, paced, and
// recorded.  Knows lines and TLS, but no SMTP.
//
// Output is collected and leaves when the dialogue would have to wait for input, as real servers
// do; so a group of pipelined commands is carried out before its replies go.  Used by the
// connection's thread alone; throws End whenever the line ends.

#pragma once

#include <memory>
#include <string>

#include "socket.hh"
#include "tls.hh"

namespace peer {

struct Line {
  std::string text;       // without its line end
  bool crlf = true;       // false: ended by LF alone
  bool too_long = false;  // more than line_limit octets; what follows was forgotten
};

inline constexpr std::size_t line_limit = 65536;

class Connection {
 public:
  Connection(Fd fd, const Plan& plan, unsigned delay_ms);
  void record_to(Fd in, Fd out);

  Line read_line();
  std::string_view content();  // what has come in, at least one octet
  void consume(std::size_t octets);
  bool has_buffered() const { return at_ < in_.size(); }
  bool talks_early() const { return has_buffered() || socket_.readable(0); }

  void write(std::string_view bytes);
  void write_raw(std::string_view bytes);
  void flush();
  void wait_and_flush(std::uint64_t ms);
  void end_if_cut() const;  // throws if the cut has happened on the way in
  bool muted() const;       // the cut has happened: what is written is not sent

  void start_tls(const TlsCredentials& credentials);
  const TlsSession* tls() const { return tls_.get(); }

  std::uint64_t received() const { return received_; }
  std::uint64_t sent() const { return sent_; }
  const Socket& socket() const { return socket_; }

  void close_notify() noexcept;
  void finish(Ending how) { socket_.finish(how); }

 private:
  void fill();
  std::size_t read_some(char* to, std::size_t size);
  void forget_line();
  void send(std::string_view bytes);
  void transmit(std::string_view bytes);
  void check_out() const;

  Socket socket_;
  std::unique_ptr<TlsSession> tls_;
  std::optional<Cut> cut_in_;
  std::optional<Cut> cut_out_;
  std::optional<unsigned> byte_delay_ms_;
  unsigned delay_ms_;
  std::string in_;
  std::size_t at_ = 0;  // what is before it has been consumed
  std::string out_;
  std::uint64_t received_ = 0;
  std::uint64_t consumed_ = 0;
  std::uint64_t sent_ = 0;
  Fd record_in_;
  Fd record_out_;
};

}  // namespace peer
