// One SMTP session from the client's side, without I/O (sans-I/O).
//
// Bytes and decisions go in; `next()` says what to do: send these bytes, wait for input, start TLS,
// sign in, hand over the body, make the commit durable, take the outcome.  No socket, no clock, no
// randomness, no thread.  One owner calls it, in a loop of `next()`.
//
// Two rules hold throughout.
//   1. Every command sent puts the state that awaits its reply at the end of a queue; a reply
//   belongs to
//      the front of that queue and to nothing else.  A reply that begins before its command
//      was handed to the kernel belongs to nothing: it is not believed.
//   2. From the commit point on (the last octet of the message was handed to the kernel; `sent`
//   tells) a
//      recipient without a reply of its own is `in_doubt` unless the final reply is read whole.
//      Before it, whatever happens, the recipient is definitely not served.
//
// Where the server pipelines, the next message may be begun before the reply to the last one: its
// envelope follows the end of data in the same group (RFC 2920 3.1).  Messages are answered in the
// order they were begun, and no more than `window` of them (1) are ever beyond their commit point
// at a time.
//
// The transitions are data: `session_table()`, printed by INTERNALS.org.

#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hh"
#include "base/secret.hh"
#include "smtp/address.hh"
#include "smtp/body.hh"
#include "smtp/capabilities.hh"
#include "smtp/command.hh"
#include "smtp/reply.hh"

namespace sendonce::smtp {

/// What the session waits for: a reply, or (the resting ones) its owner.
enum class State {
  greeting,
  ehlo,
  helo,
  starttls,
  auth,
  alive,  ///< reply to the NOOP that shows whether the line outlives a sign-in
  mail,
  rcpt,
  data,
  chunk,        ///< reply to a BDAT that is not the last
  end_of_data,  ///< reply to the end of the message
  void_end,     ///< reply to an end of data that nobody receives (RFC 2920 3.1)
  rset,
  quit,
  // resting: no reply is owed
  handshake,   ///< TLS, done by the owner
  sign_in,     ///< the owner chooses a mechanism, or none
  challenged,  ///< the owner answers a challenge
  idle,        ///< ready for a message
  body,        ///< the owner hands over the message
  ended,
};

/// What happens to a session.
enum class Event {
  positive,      ///< 2yz
  intermediate,  ///< 3yz
  transient,     ///< 4yz
  permanent,     ///< 5yz
  closing,       ///< 421: the server ends the line (RFC 5321 3.8)
  early,         ///< 4yz or 5yz to a message not yet handed over whole
  garbage,       ///< no reply, or none that was asked for
  lost,          ///< the line: EOF, reset, time-out, TLS failure; or the owner gave up
};

inline constexpr int state_count = static_cast<int>(State::ended) + 1;
inline constexpr int event_count = static_cast<int>(Event::lost) + 1;

std::string_view state_name(State state);
std::string_view event_name(Event event);

enum class TlsMode {
  implicit,       ///< the line is under TLS before the greeting (RFC 8314)
  starttls,       ///< STARTTLS or nothing (RFC 3207)
  opportunistic,  ///< STARTTLS where it is offered
  none,
};

struct SessionOptions {
  LocalName local_name;
  TlsMode tls = TlsMode::starttls;
  bool sign_in = false;  ///< does the account sign in?
  bool pipelining = true;
  bool chunking = true;
  std::size_t window = 1;  ///< messages that may be beyond their commit point without a reply
};

/// The envelope of one message, and what must be known of its body.
struct Envelope {
  Address sender;
  std::vector<Address> recipients;
  BodyFacts facts;
};

/// What became of one recipient.
struct RecipientOutcome {
  /// `next_time`: the server takes no more recipients with one message; to be tried at once with
  /// another (RFC 9422, or the 452 of RFC 5321 4.5.3.1.10).
  enum class Verdict { accepted, refused, refused_for_now, next_time, not_tried, in_doubt };
  Verdict verdict = Verdict::not_tried;
  std::optional<Reply> reply;  ///< the one that decided it
  std::optional<Error> error;  ///< why, where no reply did
};

/// Messages of a session are counted from 1.
using MessageNumber = std::uint64_t;

// --- what next() asks for -----------------------------------------------------------------------

/// Hand these bytes to the line (they may be gathered with what follows).
struct Send {
  std::string bytes;
  /// They complete the message: with their last octet the commit point is passed.
  bool completes = false;
  /// They are octets of the message (for a transcript, which counts them and does not show them).
  bool content = false;
  MessageNumber message = 0;  ///< whose they are; 0: the line's
};
/// The same for bytes that nobody may see; `shown` stands for them in a transcript.
struct SendSecret {
  Secret bytes;
  std::string shown;
};
/// Flush what was gathered and wait for bytes; `phase` names the time-out.
struct NeedInput {
  Phase phase;
};
/// Flush, do the TLS handshake, call `tls_established`.
struct StartTls {};
/// Choose: `authenticate` with a mechanism of `capabilities()`, or `skip_sign_in`.
struct NeedSignIn {};
/// The server's challenge, in base64 as it came: `respond` or `abort_auth`.
struct Challenge {
  std::string text;
};
/// The server's last word on a mechanism.  After `accepted` false a NeedSignIn follows.
struct SignInEnded {
  bool accepted = false;
  Reply reply;
};
/// Call `body` with the next bytes of the message begun last.
struct NeedBody {};
/// Make it durable that the message begun last may pass its commit point now; then go on, or
/// `withdraw`.
struct CommitFollows {
  std::vector<std::size_t> recipients;  ///< those who can still be served
};
/// The message that was begun first of those under way: an outcome for each recipient of its
/// envelope, in its order.
struct TransactionEnded {
  std::vector<RecipientOutcome> outcomes;
};
/// Nothing is under way: `begin` a message, or `quit`.
struct Ready {};
/// The session is over; the error says why, nullopt after QUIT.
struct Ended {
  std::optional<Error> error;
};

using Output = std::variant<Send, SendSecret, NeedInput, StartTls, NeedSignIn, Challenge,
                            SignInEnded, NeedBody, CommitFollows, TransactionEnded, Ready, Ended>;

/// A message under way: the session's own memory of it.
struct Message {
  MessageNumber number = 0;
  Envelope envelope;
  std::vector<std::optional<RecipientOutcome>> outcomes;  // one a recipient
  std::vector<std::size_t> to_say;                        // recipients whom RCPT is to name
  std::size_t said = 0;                                   // of to_say
  std::size_t answered = 0;                               // of to_say
  std::size_t taken = 0;                                  // of those answered
  bool counted = false;                                   // BDAT, not DATA
  bool begun = false;                                     // DATA, or a first BDAT, was said
  BodyEncoder encoder{Framing::dots};
  std::optional<std::uint64_t> completes_at;  // the commit point, in octets given out
  bool committed = false;                     // it was passed
  bool done = false;                          // told as soon as those before it are

  bool sender_refused = false;
  std::vector<std::size_t> taken_all_the_same;  // recipients accepted though the sender was refused

  void settle_rest(const RecipientOutcome& outcome);
  /// The server took the message, for recipients whom it accepted after it had refused the sender:
  /// by whose envelope, nobody can tell.
  void doubt_refusal_of_sender();
  /// Those about whom nothing is decided yet, in the order of the envelope.
  [[nodiscard]] std::vector<std::size_t> unsettled() const;
};

class Session {
 public:
  explicit Session(SessionOptions options);

  Output next();

  // --- from the line
  /// Bytes that were read, at most 64 KiB at a time.
  void receive(std::string_view bytes);
  /// COUNT octets of what `next` gave to send were handed to the kernel, in order.
  void sent(std::size_t count);
  void tls_established();
  /// The line is gone, or given up; WHY is reported with the outcome.
  void lost(Error why);

  // --- decisions of the owner; one that comes when nobody asks (any more) does nothing
  /// PROVE: after the server's yes say NOOP, and be ready only when that is answered: some servers
  /// accept a mechanism and drop the line at the next command.
  void authenticate(const MechanismName& mechanism, const std::optional<Secret>& initial,
                    bool prove = false);
  void respond(const Secret& response);
  void abort_auth();
  void skip_sign_in();
  /// In `Ready`, or where `takes_another`.  What cannot be sent as it stands (SIZE, SMTPUTF8) ends
  /// at once, nothing said; so does all when the line has ended since.
  MessageNumber begin(Envelope envelope);
  /// Would a message of these FACTS gain by being begun now, before the last one is answered?  One
  /// that goes out in a single flight gains only where the window allows it.  Never before all that
  /// `next` has to say of the last one was taken, its barrier with it.
  [[nodiscard]] bool takes_another(const BodyFacts& facts) const;
  /// Would a message of these FACTS go with its envelope, before the server has said a word to it?
  [[nodiscard]] bool goes_in_one_flight(const BodyFacts& facts) const;
  /// The next bytes of the message; LAST with the final ones (which may be empty).
  void body(std::string_view bytes, bool last);
  /// Instead of going on after CommitFollows: nothing more is sent, nobody is served by that
  /// message. Those before it are waited for, then the session ends.
  void withdraw(Error why);
  /// In `Ready` only: says NOOP; `Ready` comes again if the line lives.
  void probe();
  /// In `Ready` only.
  void quit();

  [[nodiscard]] const Capabilities& capabilities() const { return capabilities_; }
  [[nodiscard]] State state() const;
  [[nodiscard]] bool secure() const { return secure_; }
  /// Is a message beyond its commit point and not answered?
  [[nodiscard]] bool committed() const;
  /// To which message the reply belongs that comes next; 0: to none.
  [[nodiscard]] MessageNumber awaited() const { return owed_.empty() ? 0 : owed_.front().message; }
  /// How many replies were read; a deadline for the next one begins when this changes.
  [[nodiscard]] std::uint64_t replies() const { return replies_; }
  /// May the line be kept for another message?
  [[nodiscard]] bool reusable() const { return state() == State::idle && messages_.empty(); }

 private:
  friend struct Actions;

  struct Owed {
    State state;
    std::size_t recipient = 0;   // for State::rcpt
    std::uint64_t asked_at = 0;  // octets handed over when its command is whole
    MessageNumber message = 0;   // 0: none's
  };

  /// A 421 that did not answer the end of a message which the server may have as a whole.
  struct Farewell {
    Reply reply;
    MessageNumber message = 0;
  };

  void expect(State state, std::size_t recipient = 0);
  void say(std::string bytes);
  void say_content(std::string bytes, bool completes = false);
  void say_secret(Secret bytes, std::string shown);
  void take_reply(const Reply& reply);
  [[nodiscard]] bool refuses_clear_text();
  [[nodiscard]] bool was_asked() const;
  [[nodiscard]] bool is_farewell() const;
  [[nodiscard]] Event event_of(const Reply& reply) const;
  void happen(Event event, const Reply& reply);
  void say_hello();
  void proceed();
  void finish(std::optional<Error> error);
  void drop_unsaid();
  [[nodiscard]] Output rest();

  // the message (session_message.cc)
  void refuse_after_end();
  void refuse_beforehand();
  void keep_to_limits();
  [[nodiscard]] bool pipelines() const;
  void say_envelope();
  void say_mail();
  void say_next_recipient();
  void recipient_answered();
  void all_recipients_answered();
  void ask_for_body();
  void say_body(std::string piece);
  void complete_body(const std::string& piece);
  void settle_all(const std::optional<Error>& error);
  void end_message(Message& message);
  [[nodiscard]] bool body_may_go() const;
  [[nodiscard]] MessageNumber saying() const;

  SessionOptions options_;
  Capabilities capabilities_;
  ReplyParser parser_;
  std::deque<Output> outputs_;
  std::deque<Owed> owed_;
  State resting_ = State::idle;
  std::optional<Error> error_;  // what `lost` or a protocol error says
  bool secure_ = false;
  bool signed_in_ = false;
  bool starttls_refused_ = false;
  bool prove_sign_in_ = false;
  bool auth_aborted_ = false;  // "*" was said to the challenge last answered
  bool left_open_ = false;     // the server may have the envelope of a message that it refused
  std::optional<Farewell> farewell_;
  std::uint64_t replies_ = 0;
  std::uint64_t said_ = 0;               // octets given out to be sent
  std::uint64_t sent_ = 0;               // octets handed to the kernel
  std::uint64_t sent_before_reply_ = 0;  // the same, when the reply now being read began

  std::deque<Message> messages_;  // the first is answered next, the last is being said
  MessageNumber last_number_ = 0;
  std::optional<Error> withdrawn_;  // why the last is not to be completed
};

/// The cell of the table for STATE and EVENT, in words, for INTERNALS.org: "next: action".
std::string transition_text(State state, Event event);

}  // namespace sendonce::smtp
