// What the engine tells: events, taken up by a sink that emacs/ provides.  The engine never sees
// Emacs.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "base/error.hh"
#include "net/tls.hh"
#include "outbox/types.hh"

namespace sendonce::engine {

using outbox::EntryId;
using QuestionId = std::int64_t;

/// How far an attempt is.  `done` of `total` octets of the message went out.
struct Progress {
  EntryId entry = 0;
  Phase phase = Phase::none;
  std::int64_t done = 0;
  std::int64_t total = 0;
  std::string detail;  ///< "TLS 1.3"
};

/// An attempt is over and recorded.
struct AttemptEnded {
  EntryId entry = 0;
};

/// A large message is in the outbox, or it could not be put there.
struct Stored {
  std::int64_t number = 0;  ///< as Engine::store gave it
  EntryId entry = 0;
  std::optional<Error> error;
};

/// What is this account now?  Answer: settings text.
struct AccountQuestion {
  EntryId entry = 0;
  QuestionId question = 0;
  std::string account;
  std::string settings;
};

/// The secret of USER there?  `refusal`: the server's words about the last one.
struct PasswordQuestion {
  EntryId entry = 0;
  QuestionId question = 0;
  std::string host;
  std::uint16_t port = 0;
  std::string user;  ///< for a key: its file, or the label of its token
  std::string refusal;
  std::string kind;  ///< "password", "token" (OAuth), "key" (passphrase of a client key, or PIN)
};

/// Is this certificate, which proves nothing by itself, good enough?  Answer: "yes".
struct CertificateQuestion {
  EntryId entry = 0;
  QuestionId question = 0;
  std::string host;
  std::uint16_t port = 0;
  net::TlsInfo info;
};

/// One step of a checkup is over.
struct CheckStep {
  EntryId entry = 0;   ///< the checkup's number: below 0
  std::string step;    ///< "resolve", "connect", "tls", "trust", "hello", "sign-in"
  std::string detail;  ///< what was found, where it went well
  std::optional<Error> error;
};

struct CheckEnded {
  EntryId entry = 0;
  std::string transcript;
};

/// The server accepted the password.
struct SignedIn {
  EntryId entry = 0;
  std::string host;
  std::uint16_t port = 0;
  std::string user;
};

/// Unsent for longer than the user wants to hear nothing.
struct Late {
  EntryId entry = 0;
};

struct Notice {
  std::string text;
};

using Event = std::variant<Progress, AttemptEnded, Stored, AccountQuestion, PasswordQuestion,
                           CertificateQuestion, SignedIn, Late, Notice, CheckStep, CheckEnded>;

/// Called from any engine thread; must not block and must not call the engine.
class EventSink {
 public:
  virtual ~EventSink() = default;
  EventSink(const EventSink&) = delete;
  EventSink& operator=(const EventSink&) = delete;
  virtual void post(Event event) = 0;

 protected:
  EventSink() = default;
};

}  // namespace sendonce::engine
