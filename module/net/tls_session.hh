// A client's TLS session without I/O.
//
// Called by the one thread that owns the line.  Bytes of the wire go in through `input_space` and
// come out through `output`; the session never touches a socket, never waits and never makes GnuTLS
// try a call that would fail: its pull function serves from what was received, its push function
// always takes.  So nothing here can spin, and a record is either sealed or not.
//
// Sealed application records are remembered by where they end in the output, so that `output_sent`
// can tell to the byte how much plaintext the kernel has been given in whole records.

#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hh"
#include "net/tls.hh"

// GnuTLS' type behind gnutls_session_t; its headers stay in tls_*.cc.
struct gnutls_session_int;

namespace sendonce::net {

class Credentials;

/// Ciphertext that has been received and not yet decrypted.  Filled only when empty.
class TlsInput {
 public:
  TlsInput() : bytes_(capacity) {}
  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
  [[nodiscard]] bool ended() const noexcept { return ended_; }
  /// Where to receive into, once empty.
  std::span<char> space() noexcept;
  void filled(std::size_t count) noexcept;
  void end() noexcept { ended_ = true; }
  std::size_t take(std::span<char> into) noexcept;
  [[nodiscard]] std::string_view view() const noexcept {
    return std::string_view(bytes_.data(), bytes_.size()).substr(begin_, end_ - begin_);
  }

 private:
  static constexpr std::size_t capacity = 64UL * 1024;
  std::vector<char> bytes_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool ended_ = false;
};

/// Ciphertext that has been made and not yet handed to the kernel.
class TlsOutput {
 public:
  void append(std::string_view bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  /// What was appended last ends a record that holds PLAIN bytes of plaintext.
  void mark_record(std::size_t plain);
  [[nodiscard]] std::string_view unsent() const noexcept {
    return std::string_view(bytes_.data(), bytes_.size()).substr(sent_);
  }
  /// Plaintext in records not yet sent whole.
  [[nodiscard]] std::size_t unsent_plain() const noexcept { return unsent_plain_; }
  /// COUNT more bytes were sent; the plaintext of the records that this completes.
  std::size_t sent(std::size_t count);

 private:
  struct Record {
    std::size_t end;
    std::size_t plain;
  };
  std::vector<char> bytes_;
  std::size_t sent_ = 0;
  std::size_t unsent_plain_ = 0;
  std::deque<Record> records_;
};

class TlsSession {
 public:
  enum class Step { done, needs_input };

  struct Received {
    enum class Kind { data, closed, truncated, needs_input };
    Kind kind = Kind::needs_input;
    std::size_t count = 0;  ///< of data
  };

  /// Errors: bad_argument (no host, bad priority string, pin, client key or certificate), declined
  /// (the secret of the client key), certificate (trust files), internal.
  static Result<std::unique_ptr<TlsSession>> make(const TlsSettings& settings);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  /// Goes on with the handshake as far as the input allows.  Errors: tls_failed; certificate, if a
  /// client certificate would have been shown next.
  Result<Step> handshake();
  /// After the handshake: is this the host?  Fills `info`.  Errors: certificate.
  Status verify();
  /// Of a verified session; nullopt if there is none that is safe.
  [[nodiscard]] std::optional<ChannelBinding> channel_binding() const;

  /// Decrypts at most one record of application data into INTO.  Errors: tls_failed.
  Result<Received> receive(std::span<char> into);
  /// Seals a batch of full records from the beginning of BYTES; the plaintext bytes it took.
  Result<std::size_t> seal(std::string_view bytes);
  /// Seals close_notify.
  void say_goodbye() noexcept;

  TlsInput& input() noexcept { return input_; }
  TlsOutput& output() noexcept { return output_; }
  [[nodiscard]] const TlsInfo& info() const noexcept { return info_; }

 private:
  explicit TlsSession(const TlsSettings& settings);
  Status set_up();
  void set_transport();
  void set_name();
  void offer_ticket();
  void keep_ticket();
  void describe();
  std::optional<Error> judge();
  void forget_null_cipher();

  friend struct TlsCallbacks;

  TlsSettings settings_;
  std::string host_;  // settings_.host as it is compared
  std::shared_ptr<const Credentials> credentials_;
  gnutls_session_int* session_ = nullptr;
  TlsInput input_;
  TlsOutput output_;
  TlsInfo info_;
  std::optional<Error> refusal_;  // of a judgement in the middle of the handshake
  bool ticket_came_ = false;
};

}  // namespace sendonce::net
