// The words of the outbox: entries, recipients, attempts, outcomes.  Plain data, no behaviour
// beyond names.  DESIGN.md section 1 is their law; module/INTERNALS.org prints it.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sendonce::outbox {

using EntryId = std::int64_t;
using AttemptId = std::int64_t;

/// State of one recipient.  The names are stored and shown to Lisp; never renumber, never rename.
enum class State { queued, sending, sent, deferred, failed, in_doubt, cancelled };

std::string_view state_name(State state);
std::optional<State> state_from_name(std::string_view name);

/// The order behind an entry's state.  The user comes first, then what will happen soonest, and
/// `sent` last, so that it is said only when everybody has the message:
///
///   in_doubt   the user must find out and decide, and a rash resend would duplicate
///   failed     the user must act: nothing more happens by itself for that recipient
///   sending    happening now
///   queued     next; not tried, nothing known against it
///   deferred   later, by itself
///   cancelled  at rest; somebody did not get it, as wished (others may have: see the recipients)
///   sent       at rest; all have it
bool more_urgent(State a, State b);

/// Why an attempt failed, and in which phase, as one stored text: "timed-out greeting".  What has
/// no phase is the cause alone.
std::string stored_cause(std::string_view cause, std::string_view phase);
std::string_view cause_of(std::string_view stored);
std::string_view phase_of(std::string_view stored);  ///< "" for none

/// What happened to one recipient in an attempt.  `code` is the reply code, 0 where there was no
/// reply.
struct Outcome {
  State state = State::deferred;
  int code = 0;
  std::string reply;  ///< the server's text, or our sentence where it said nothing
};

/// What is asked: one draft, once.  `settings` is the account as text that only Lisp and engine/
/// read, without secrets; it lets an entry be tried again by an Emacs that has no such account any
/// more.
struct Submission {
  std::string account;
  std::string settings;
  std::string sender;                   ///< envelope sender, "" for the null path
  std::vector<std::string> recipients;  ///< envelope recipients, in order, no repeats
  std::string message_id;
  std::string subject;      ///< decoded, for the table; UTF-8
  std::string draft;        ///< draft identity, may be ""
  std::string fingerprint;  ///< hex, may be ""
  std::string facts = {};   ///< of the message, as only engine/ reads it; may be ""
};

struct RecipientRow {
  std::string address;
  State state = State::queued;
  int code = 0;
  std::string reply;
};

struct Entry {
  EntryId id = 0;
  std::string account;
  std::string settings;
  std::string sender;
  std::string message_id;
  std::string subject;
  std::string draft;
  std::string fingerprint;
  State state = State::queued;  ///< derived: the most urgent of the recipients'
  double created = 0;           ///< seconds since the epoch
  double last_try = 0;          ///< 0: never
  double next_try = 0;          ///< 0: none is planned
  double resolved = 0;          ///< when the last recipient came to rest, 0 while one has not
  bool warned = false;          ///< the user was warned of the delay
  int attempts = 0;
  std::int64_t octets = 0;  ///< size of the message as stored
  std::string reply;        ///< the last reply, of the most urgent recipient
  std::string cause;        ///< `stored_cause` of the last failure, "" for none
  std::string facts;        ///< as the Submission had it
  std::vector<RecipientRow> recipients;
};

/// A claimed attempt: what a delivery needs.  `recipients` are indexes into Entry::recipients.
struct Attempt {
  AttemptId id = 0;
  Entry entry;
  std::vector<std::size_t> recipients;
};

/// The end of an attempt, barrier (3).  `outcomes[i]` belongs to `Attempt::recipients[i]`.
struct AttemptEnd {
  std::vector<Outcome> outcomes;
  double next_try = 0;     ///< for those deferred; 0: none
  std::string cause;       ///< `stored_cause`, "" when all went well
  std::string transcript;  ///< text, secrets never in it
};

/// What messages that follow each other on one line ask of the journal at the same moment: one
/// durable change carries it all.
struct Step {
  struct End {
    AttemptId attempt = 0;
    const AttemptEnd* end = nullptr;
  };
  struct Commit {
    AttemptId attempt = 0;
    std::vector<std::size_t> recipients;  ///< indexes into Attempt::recipients
  };
  std::vector<End> ends;         ///< barrier (3) of these
  std::optional<Commit> commit;  ///< barrier (2) of this one
  /// An attempt at what is due longest of those with the account and settings of this entry.
  const Entry* claim_like = nullptr;
};

}  // namespace sendonce::outbox
