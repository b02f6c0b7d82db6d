// The TLS half of a Line: a TlsSession fed from and drained into a Stream.
//
// Called by the one thread that owns the line; owned by it, together with the Stream.  Decrypts
// ahead of `read` only what is needed to tell whether input is SMTP or TLS' own (tickets, key
// updates), and at most one record.

#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hh"
#include "base/result.hh"
#include "net/line.hh"
#include "net/stream.hh"
#include "net/tls_session.hh"

namespace sendonce::net {

class TlsLine {
 public:
  TlsLine(Stream& stream, std::unique_ptr<TlsSession> session);

  /// These are Line's of the same names; `start` is the rest of start_tls.
  Status start(Deadline deadline);
  Result<ReadCount> read(std::span<char> into, Deadline deadline);
  Result<std::size_t> write(std::string_view bytes, Deadline deadline, bool stop_for_input);
  [[nodiscard]] bool has_input();
  [[nodiscard]] const TlsInfo& info() const noexcept { return session_->info(); }
  [[nodiscard]] std::optional<ChannelBinding> channel_binding() const {
    return verified_ ? session_->channel_binding() : std::nullopt;
  }
  void close() noexcept;

 private:
  // the handshake
  Status shake_hands(Deadline deadline);
  Status flush(Deadline deadline);
  Status take_first(Deadline deadline);
  Status take_more(Deadline deadline);
  Error clear_text(std::string text, Deadline deadline);

  // input
  [[nodiscard]] bool can_read() const { return heard_at_ < heard_.size() || ended_ || read_error_; }
  std::optional<std::size_t> decrypt(std::span<char> into);
  bool refill();
  void absorb(bool readable);
  ReadCount serve(std::span<char> into);

  // output
  Result<std::size_t> send_once();
  Status top_up(std::string_view bytes);
  Result<bool> write_step(std::string_view rest, Deadline deadline, bool stop_for_input,
                          std::size_t& counted);
  void offer();

  Stream& stream_;
  std::unique_ptr<TlsSession> session_;
  std::vector<char> heard_;  // plaintext decrypted ahead of read()
  std::size_t heard_at_ = 0;
  std::optional<ReadCount> ended_;
  std::optional<Error> read_error_;
  std::optional<Error> write_error_;
  bool verified_ = false;
};

}  // namespace sendonce::net
