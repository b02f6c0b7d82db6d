// The outbox: one SQLite file that several Emacsen share, the journal of every submission.
//
// Owns outbox.sqlite (mode 0600) and its owner locks in one directory.  Called from the Lisp thread
// and from every engine thread: each call takes the lock of this object for its one transaction, so
// a reader never sees half a change.  Durable when it returns OK: `enqueue` is barrier (1),
// `committing` barrier (2), `finish` barrier (3) of DESIGN.md; nothing else is fsynced more than
// SQLite needs. Never decides what to send or when: that is engine/.  Never holds a secret.
//
// Errors: Cause::storage or storage_full (nothing was changed), the text names file and remedy.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hh"
#include "outbox/spool.hh"
#include "outbox/types.hh"

namespace sendonce::outbox {

struct Stepped {
  Status commit;
  std::optional<Attempt> claimed;
};

/// How many entries are not at rest.
struct Tally {
  std::int64_t unsent = 0;    ///< queued, sending or deferred
  std::int64_t in_doubt = 0;  ///< in doubt
  std::int64_t busy = 0;      ///< of those unsent: not waiting for their time
};

/// Entries that are due with the same account and settings.
struct DueGroup {
  EntryId first = 0;   ///< due longest
  EntryId newest = 0;  ///< made last
  std::string settings;
  std::int64_t count = 0;
};

class Outbox {
 public:
  /// Opens or makes DIRECTORY/outbox.sqlite, migrates its schema, takes this process' owner lock
  /// and recovers what dead owners left (see `recover`).  A damaged or foreign file is renamed
  /// aside, never overwritten, and `notice()` says so.
  static Result<std::unique_ptr<Outbox>> open(const std::string& directory);
  virtual ~Outbox() = default;
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  /// What the user should be told about the opening ("" for nothing).
  [[nodiscard]] virtual std::string notice() const = 0;

  /// Barrier (1): the entry with its exact bytes is on disk, all recipients `queued`, due at once.
  virtual Result<EntryId> enqueue(const Submission& submission, std::string_view message) = 0;

  /// The same for a message that was spooled.
  virtual Result<EntryId> enqueue(const Submission& submission, const Spool& spool) = 0;

  virtual Result<std::vector<Entry>> entries() = 0;  ///< newest first
  virtual Result<std::optional<Entry>> entry(EntryId id) = 0;
  virtual Result<Tally> tally(double now) = 0;
  /// Newest entry of that draft identity, or with that fingerprint.  "" finds nothing.
  virtual Result<std::optional<Entry>> find_draft(std::string_view draft) = 0;
  virtual Result<std::optional<Entry>> find_fingerprint(std::string_view fingerprint) = 0;

  /// Bytes of the stored message, at most LIMIT from OFFSET; empty at the end.  Reads no more than
  /// it returns (plus one chunk): memory does not grow with the message.
  virtual Result<std::string> read_message(EntryId id, std::int64_t offset, std::size_t limit) = 0;

  /// Takes an attempt at ID if it has recipients `queued` or `deferred` and no living owner works
  /// on it: those recipients become `sending`.  nullopt: nothing to try, or somebody else has it.
  virtual Result<std::optional<Attempt>> claim(EntryId id) = 0;
  /// The id of the entry that is due longest at NOW (seconds since the epoch), if one is.
  virtual Result<std::optional<EntryId>> due(double now) = 0;
  /// All that is due at NOW, by account and settings; the group that is due longest first.
  virtual Result<std::vector<DueGroup>> due_groups(double now) = 0;
  /// When the next entry becomes due after NOW; 0: none does.
  virtual Result<double> next_due(double now) = 0;
  /// Makes an entry due at TIME (seconds since the epoch; for a flush: now).  Only what is `queued`
  /// or `deferred` is touched.
  virtual Status set_next_try(EntryId id, double time) = 0;
  virtual Status set_warned(EntryId id) = 0;
  /// New settings for an entry that is not being sent.
  virtual Status set_settings(EntryId id, std::string_view account, std::string_view settings) = 0;

  /// Barrier (2): from here on a crash leaves the attempt's recipients `in_doubt`.  Of RECIPIENTS
  /// (their places in Attempt::recipients) only those named pass it: one whose RCPT was refused
  /// before does not.  Cause::cancelled when the entry was withdrawn before.  After any error
  /// nothing may be committed.  May be called again, for other recipients or the same.
  virtual Status committing(AttemptId attempt, const std::vector<std::size_t>& recipients) = 0;
  /// Takes barrier (2) back, where nobody was served for certain and the attempt goes on: a crash
  /// leaves its recipients `deferred` again, and they may be withdrawn.  After an error they only
  /// seem to be past it still.
  virtual Status uncommit(AttemptId attempt) = 0;
  /// Barrier (3): the outcome of each recipient.  A recipient that is `sent` is never demoted; one
  /// that is `deferred` and was wished away becomes `cancelled`.  After an error the attempt stays
  /// open and the call is to be made again; one call too many changes nothing.
  virtual Status finish(AttemptId attempt, const AttemptEnd& end) = 0;

  /// `finish`, `committing` and `claim` in one durable change.  After an error nothing of it was
  /// done, or, where only the last sync failed, all of it may show: each part is then as after an
  /// error of its own, and what nobody was told of having claimed is freed by `recover`.  An error
  /// of `committing` alone leaves the ends done, claims nothing, and comes back as
  /// `Stepped::commit`.
  virtual Result<Stepped> step(const Step& step) = 0;

  /// Withdraws what has not passed the commit point: `queued` and `deferred` recipients become
  /// `cancelled` now, `sending` ones when their attempt asks for barrier (2), or ends with them
  /// `deferred`.  True if nobody has the message or can still get it; false if some recipient is
  /// `sent`, `in_doubt`, or past barrier (2) in an attempt that runs.
  virtual Result<bool> cancel(EntryId id) = 0;

  /// Settles recipients that are `in_doubt` (TO: sent, cancelled, or queued to send the same bytes
  /// again) or those `failed` (TO: queued, cancelled) or `cancelled` (TO: queued).  Returns how
  /// many were changed.
  virtual Result<int> settle(EntryId id, State from, State to) = 0;

  /// Attempts whose owner is dead: without barrier (2) their recipients are `deferred` and due now,
  /// with it `in_doubt`.  Returns the entries touched.  Also done by `open`, and for its one entry
  /// by `claim` and `cancel`; `due` does not see what a dead owner holds before this has been
  /// called.
  virtual Result<std::vector<EntryId>> recover() = 0;

  /// Does an attempt run that is not ours?  Its owner may die: then `recover` is called for.
  virtual Result<bool> others_at_work() = 0;

  /// Transcripts of all attempts at ID, oldest first.
  virtual Result<std::vector<std::string>> transcripts(EntryId id) = 0;

  /// Findings about servers: small texts by server and key ("mail.example:465",
  /// "mechanism-failed").
  virtual Result<std::string> finding(std::string_view server, std::string_view key) = 0;
  virtual Status set_finding(std::string_view server, std::string_view key,
                             std::string_view value) = 0;

  /// Forgets entries that came to rest before TIME (seconds since the epoch); `in_doubt` ones stay.
  virtual Result<int> forget_before(double time) = 0;
  /// SQLite's own check of the whole file; "" for sound, else what it says.
  virtual Result<std::string> integrity() = 0;

 protected:
  Outbox() = default;
};

}  // namespace sendonce::outbox
