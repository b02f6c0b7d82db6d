// The one error type of the core.
//
// Owns: what went wrong, as a cause (one of a closed set), in which phase, in words, with the
// server's own reply where there is one.  Every layer makes errors; only emacs/ turns them into
// conditions and only Lisp turns causes into advice.  Holds no secret, ever: nobody puts
// credentials into `message`.

#pragma once

#include <string>
#include <string_view>

namespace sendonce {

/// Why something did not happen.  The names are shown to Lisp (see `cause_name`), which keeps the
/// one table from cause to remedy.
enum class Cause {
  internal,        ///< a defect of ours
  bad_argument,    ///< the caller gave something that cannot be expressed (CR in an address, ...)
  cancelled,       ///< withdrawn by the user or by the end of Emacs
  declined,        ///< the user was asked (password, certificate) and said no
  timed_out,       ///< the phase's deadline passed
  name_not_found,  ///< the host name does not resolve
  name_service,    ///< the resolver could not answer (try again later)
  connection_refused,  ///< nobody listens at that port
  unreachable,         ///< no route, network down
  connection_lost,     ///< EOF or reset in the middle of the dialogue
  tls_failed,          ///< the handshake failed, or the record layer did later
  tls_unavailable,     ///< TLS is required and the server does not offer STARTTLS
  not_tls,             ///< the port answered a TLS hello in the clear: it speaks plain SMTP
  implicit_tls,        ///< the port waits for TLS from the start, and plain SMTP was tried
  tls_version,         ///< no version of TLS in common
  certificate,         ///< the certificate does not prove the host
  protocol,            ///< the server said something that is no SMTP; the text says what was read
  auth_unavailable,    ///< sign-in wanted, and no mechanism in common
  auth_failed,         ///< the server refused the credentials or the mechanism
  refused,             ///< the server refused a command with 5yz
  refused_for_now,     ///< the server refused a command with 4yz
  too_large,           ///< over the server's SIZE (RFC 1870), found before sending
  needs_smtputf8,      ///< a UTF-8 address and no SMTPUTF8 (RFC 6531)
  needs_8bitmime,      ///< 8-bit text and no 8BITMIME (RFC 6152)
  storage,             ///< the outbox could not be read or written
  storage_full,        ///< the disk is full
};

/// Where in the course of an attempt.  Also the key of the time-outs (RFC 5321 4.5.3.2).
enum class Phase {
  none,
  resolve,
  connect,
  greeting,
  hello,
  starttls,
  tls,
  sign_in,
  mail,
  recipients,
  data,         ///< until 354
  body,         ///< while the message goes out
  end_of_data,  ///< after the commit point, until the last reply
  reset,
  quit,
};

std::string_view cause_name(Cause cause);
std::string_view phase_name(Phase phase);

/// An error: cause and phase for machines, `message` for people (one sentence, no final full stop),
/// `reply` the server's own words as read, empty where it said nothing.
struct Error {
  Cause cause = Cause::internal;
  Phase phase = Phase::none;
  std::string message;
  std::string reply;
};

}  // namespace sendonce
