// See outbox_file.hh: all that changes the state of a recipient.  The one place to read against
// DESIGN.md section 1.
//
//   enqueue           -> queued
//   claim             queued, deferred -> sending                 (attempt open, ours)
//   committing        sending: committed                          barrier (2)
//   uncommit          sending: committed no more
//   finish            sending -> as the outcome says              barrier (3); sent stays sent
//   recover           sending, not committed -> deferred, or cancelled if that was wished
//                     sending, committed     -> in-doubt
//   cancel            queued, deferred -> cancelled; sending: wished
//   settle            in-doubt -> sent, cancelled, queued; failed -> cancelled, queued; cancelled
//   -> queued
//
// A crash between any two of them leaves the state of the last one; within one, that before or
// after.

#include <algorithm>

#include "base/clock.hh"
#include "outbox/entries.hh"
#include "outbox/outbox_file.hh"

namespace sendonce::outbox {

namespace {

tl::unexpected<Error> refuse(std::string message) {
  return fail(Cause::bad_argument, Phase::none, std::move(message));
}

// --- the dead ---

struct OpenAttempt {
  AttemptId id = 0;
  EntryId entry = 0;
  std::string owner;
};

/// Open attempts at ENTRY, or all with 0.
std::vector<OpenAttempt> open_attempts(Database& database, EntryId entry) {
  std::vector<OpenAttempt> found;
  Use row = database.use(
      "SELECT id, entry, owner FROM attempt WHERE ended IS NULL AND (?1 = 0 OR entry = ?1)")(entry);
  while (row.next()) found.push_back({row.integer(0), row.integer(1), row.text(2)});
  return found;
}

bool lives(const Core& core, const OpenAttempt& attempt) {
  if (attempt.owner == core.owners.self()) return core.live.contains(attempt.id);
  return core.owners.alive(attempt.owner);
}

void bury(Database& database, const OpenAttempt& attempt, double now) {
  database
      .use(
          "UPDATE recipient SET"
          " state = CASE WHEN committed THEN 'in-doubt' WHEN wish THEN 'cancelled'"
          "              ELSE 'deferred' END,"
          " reply = CASE WHEN committed"
          "  THEN 'Emacs ended after the message was handed over and before the server answered'"
          "  ELSE 'Emacs ended before the message was handed over' END,"
          " code = 0, committed = 0, wish = 0 "
          "WHERE entry = ? AND attempt = ? AND state = 'sending'")(attempt.entry)(attempt.id)
      .exec();
  database
      .use(
          "UPDATE attempt SET ended = ?, cause = ?, transcript = 'Emacs ended in this attempt.\n' "
          "WHERE id = ?")(std::optional(now))(cause_name(Cause::cancelled))(attempt.id)
      .exec();
  database
      .use("UPDATE entry SET cause = ? WHERE id = ?")(cause_name(Cause::cancelled))(attempt.entry)
      .exec();
  settle_entry(database, attempt.entry, now, now);
}

/// Buries the dead among the attempts at ENTRY (0: at any); the entries touched.
std::vector<EntryId> bury_dead(Core& core, EntryId entry, double now) {
  std::vector<EntryId> touched;
  for (const OpenAttempt& attempt : open_attempts(*core.database, entry)) {
    if (lives(core, attempt)) continue;
    bury(*core.database, attempt, now);
    touched.push_back(attempt.entry);
  }
  return touched;
}

// --- claim ---

std::vector<std::size_t> waiting(Database& database, EntryId id) {
  std::vector<std::size_t> places;
  Use row = database.use(
      "SELECT place FROM recipient WHERE entry = ? AND state IN ('queued', 'deferred')"
      " ORDER BY place")(id);
  while (row.next()) places.push_back(static_cast<std::size_t>(row.integer(0)));
  return places;
}

AttemptId insert_attempt(Core& core, EntryId entry, double now) {
  Database& database = *core.database;
  database
      .use("INSERT INTO attempt (entry, owner, started) VALUES (?, ?, ?)")(entry)(
          core.owners.self())(std::optional(now))
      .exec();
  const AttemptId id = database.last_id();
  database
      .use(
          "UPDATE recipient SET state = 'sending', attempt = ?, committed = 0, wish = 0 "
          "WHERE entry = ? AND state IN ('queued', 'deferred')")(id)(entry)
      .exec();
  database
      .use("UPDATE entry SET attempts = attempts + 1, last_try = ? WHERE id = ?")(
          std::optional(now))(entry)
      .exec();
  return id;
}

Result<std::optional<Attempt>> take(Core& core, EntryId id) {
  const double now = wall_clock();
  bury_dead(core, id, now);
  if (!open_attempts(*core.database, id).empty()) return std::nullopt;
  Attempt attempt;
  attempt.recipients = waiting(*core.database, id);
  if (attempt.recipients.empty()) return std::nullopt;
  attempt.id = insert_attempt(core, id, now);
  settle_entry(*core.database, id, std::nullopt, now);
  if (auto entry = load_entry(*core.database, id)) attempt.entry = std::move(*entry);
  return attempt;
}

/// What is due longest of those like ENTRY, if one can be taken.
Result<std::optional<Attempt>> take_like(Core& core, const Entry& entry) {
  std::optional<EntryId> due;
  {
    Use row = core.database->use(
        "SELECT id FROM entry WHERE due <= ? AND account = ? AND settings = ?"
        " ORDER BY due, id LIMIT 1")(std::optional(wall_clock()))(entry.account)(entry.settings);
    if (row.next()) due = row.integer(0);
  }
  if (!due) return std::nullopt;
  return take(core, *due);
}

// --- barrier (2) ---

bool is_open(Core& core, AttemptId id) {
  return core.database
      ->use("SELECT 1 FROM attempt WHERE id = ? AND owner = ? AND ended IS NULL")(id)(
          core.owners.self())
      .next();
}

bool withdrawn(Database& database, AttemptId id, const Claimed& claimed) {
  return database
      .use(
          "SELECT 1 FROM recipient WHERE entry = ? AND attempt = ? AND state = 'sending' AND wish")(
          claimed.entry)(id)
      .next();
}

/// Marks them; false if one is not this attempt's any more.
bool mark_committed(Database& database, AttemptId id, const Claimed& claimed,
                    const std::vector<std::size_t>& recipients) {
  return std::all_of(recipients.begin(), recipients.end(), [&](std::size_t index) {
    database
        .use(
            "UPDATE recipient SET committed = 1 "
            "WHERE entry = ? AND place = ? AND attempt = ? AND state = 'sending'")(claimed.entry)(
            claimed.places[index])(id)
        .exec();
    return database.changes() == 1;
  });
}

Status check_commit(const Claimed& claimed, const std::vector<std::size_t>& recipients) {
  const bool named =
      !recipients.empty() && std::all_of(recipients.begin(), recipients.end(),
                                         [&](std::size_t i) { return i < claimed.places.size(); });
  if (named) return {};
  return refuse("No recipient, or one that is not of this attempt, is to be committed");
}

Status pass_barrier(Core& core, AttemptId id, const Claimed& claimed,
                    const std::vector<std::size_t>& recipients) {
  Database& database = *core.database;
  // Not `cancelled`: that would be taken for the user's wish.
  if (!is_open(core, id)) {
    return fail(Cause::storage, Phase::none, "Another Emacs has taken this attempt for dead");
  }
  if (withdrawn(database, id, claimed)) {
    return fail(Cause::cancelled, Phase::none, "Withdrawn before the message was handed over");
  }
  if (!mark_committed(database, id, claimed, recipients)) {
    return fail(Cause::internal, Phase::none, "A recipient does not belong to this attempt");
  }
  database
      .use("UPDATE attempt SET committing = coalesce(committing, ?) WHERE id = ?")(
          std::optional(wall_clock()))(id)
      .exec();
  return {};
}

// --- barrier (3) ---

Status check_end(const Claimed& claimed, const AttemptEnd& end) {
  if (end.outcomes.size() != claimed.places.size()) {
    return refuse("Not one outcome for each recipient of the attempt");
  }
  const bool over = std::none_of(end.outcomes.begin(), end.outcomes.end(), [](const Outcome& one) {
    return one.state == State::queued || one.state == State::sending;
  });
  if (!over) return refuse("An attempt cannot end with a recipient queued or sending");
  return {};
}

/// Normally the row is `sending` and of this attempt.  If the attempt was taken for dead, or this
/// is the second call after a commit that failed late, then: what is sent is sent, whoever tries
/// now; other news count only where nobody has acted on the row since, and never to withdraw it.
void record(Database& database, AttemptId id, EntryId entry, std::size_t place,
            const Outcome& outcome) {
  database
      .use(
          "UPDATE recipient SET"
          " state = CASE WHEN ?1 = 'deferred' AND wish THEN 'cancelled' ELSE ?1 END,"
          " code = ?2, reply = ?3, committed = 0, wish = 0 "
          "WHERE entry = ?4 AND place = ?5 AND state <> 'sent' AND"
          " (?1 = 'sent' OR (attempt = ?6 AND (state = 'sending' OR"
          "  (state IN ('in-doubt', 'deferred') AND ?1 <> 'cancelled'))))")(
          state_name(outcome.state))(outcome.code)(outcome.reply)(entry)(place)(id)
      .exec();
}

/// When those who wait after an attempt are tried: revived meanwhile, at once; else as planned.
std::optional<double> next_after(Database& database, EntryId id, double planned, double now) {
  const bool revived =
      database.use("SELECT 1 FROM recipient WHERE entry = ? AND state = 'queued'")(id).next();
  if (revived) return now;
  return planned > 0 ? std::optional(planned) : std::nullopt;
}

Status end_attempt(Core& core, AttemptId id, const Claimed& claimed, const AttemptEnd& end) {
  Database& database = *core.database;
  const double now = wall_clock();
  for (std::size_t i = 0; i < claimed.places.size(); ++i) {
    record(database, id, claimed.entry, claimed.places[i], end.outcomes[i]);
  }
  database
      .use("UPDATE attempt SET ended = ?, cause = ?, transcript = ? WHERE id = ?")(
          std::optional(now))(end.cause)(end.transcript)(id)
      .exec();
  database.use("UPDATE entry SET cause = ? WHERE id = ?")(end.cause)(claimed.entry).exec();
  settle_entry(database, claimed.entry, next_after(database, claimed.entry, end.next_try, now),
               now);
  return {};
}

/// Are all attempts of STEP live, and is what it says of them sound?
Status check_step(const Core& core, const Step& step) {
  for (const auto& [attempt, end] : step.ends) {
    const auto found = core.live.find(attempt);
    if (found == core.live.end()) return refuse("There is no attempt " + std::to_string(attempt));
    if (auto good = check_end(found->second, *end); !good) return good;
  }
  if (!step.commit) return {};
  const auto found = core.live.find(step.commit->attempt);
  if (found == core.live.end()) return refuse("There is no attempt to commit");
  return check_commit(found->second, step.commit->recipients);
}

/// The ends go first: what they free may be due again at once.
Result<Stepped> carry_out(Core& core, const Step& step) {
  Stepped done;
  for (const auto& [attempt, end] : step.ends) {
    if (auto status = end_attempt(core, attempt, core.live.at(attempt), *end); !status)
      return fail(status.error());
  }
  if (step.commit) {
    const AttemptId attempt = step.commit->attempt;
    done.commit = pass_barrier(core, attempt, core.live.at(attempt), step.commit->recipients);
    if (!done.commit && done.commit.error().cause == Cause::internal)
      return fail(done.commit.error());
  }
  if (step.claim_like != nullptr && done.commit) {
    auto claimed = take_like(core, *step.claim_like);
    if (!claimed) return fail(claimed.error());
    done.claimed = std::move(*claimed);
  }
  return done;
}

/// An attempt that is not live: OK if it has ended, for then this is `finish` called again.
Status ended_before(Core& core, AttemptId id) {
  auto ended = consult(core, [id](Database& database) {
    return database.use("SELECT 1 FROM attempt WHERE id = ? AND ended IS NOT NULL")(id).next();
  });
  if (!ended) return fail(ended.error());
  return *ended ? Status{} : refuse("There is no attempt " + std::to_string(id));
}

// --- the user ---

bool is_known(Database& database, EntryId id) {
  return database.use("SELECT 1 FROM entry WHERE id = ?")(id).next();
}

bool may_be_settled(State from, State to) {
  switch (from) {
    case State::in_doubt:
      return to == State::sent || to == State::cancelled || to == State::queued;
    case State::failed:
      return to == State::cancelled || to == State::queued;
    case State::cancelled:
      return to == State::queued;
    case State::queued:
    case State::sending:
    case State::sent:
    case State::deferred:
      return false;
  }
  return false;
}

/// Somebody has the message, or may have it, or may get it by an attempt that is past barrier (2).
bool somebody_beyond(Database& database, EntryId id) {
  return database
      .use(
          "SELECT 1 FROM recipient WHERE entry = ? AND"
          " (state IN ('sent', 'in-doubt') OR (state = 'sending' AND committed))")(id)
      .next();
}

Result<bool> withdraw(Core& core, EntryId id) {
  Database& database = *core.database;
  const double now = wall_clock();
  if (!is_known(database, id)) return refuse("There is no entry " + std::to_string(id));
  bury_dead(core, id, now);
  database
      .use(
          "UPDATE recipient SET state = 'cancelled', committed = 0, wish = 0 "
          "WHERE entry = ? AND state IN ('queued', 'deferred')")(id)
      .exec();
  database.use("UPDATE recipient SET wish = 1 WHERE entry = ? AND state = 'sending'")(id).exec();
  settle_entry(database, id, std::nullopt, now);
  return !somebody_beyond(database, id);
}

/// `attempt` is cleared: what an old attempt might still report is no longer of interest.
int resettle(Core& core, EntryId id, State from, State to) {
  Database& database = *core.database;
  const double now = wall_clock();
  database
      .use(
          "UPDATE recipient SET state = ?3, attempt = NULL, committed = 0, wish = 0 "
          "WHERE entry = ?1 AND state = ?2")(id)(state_name(from))(state_name(to))
      .exec();
  const int changed = database.changes();
  const bool revived = changed > 0 && to == State::queued;
  settle_entry(database, id, revived ? std::optional(now) : std::nullopt, now);
  return changed;
}

}  // namespace

Result<std::optional<Attempt>> OutboxFile::claim(EntryId id) {
  auto core = core_.lock();
  auto claimed = change(*core, [id](Core& inside) { return take(inside, id); });
  if (claimed && claimed->has_value()) {
    core->live[(*claimed)->id] = Claimed{id, (*claimed)->recipients};
  }
  return claimed;
}

Status OutboxFile::committing(AttemptId attempt, const std::vector<std::size_t>& recipients) {
  auto core = core_.lock();
  const auto found = core->live.find(attempt);
  if (found == core->live.end()) return refuse("There is no attempt " + std::to_string(attempt));
  const Claimed& claimed = found->second;
  if (auto good = check_commit(claimed, recipients); !good) return good;
  return change(*core,
                [&](Core& inside) { return pass_barrier(inside, attempt, claimed, recipients); });
}

Status OutboxFile::uncommit(AttemptId attempt) {
  auto core = core_.lock();
  if (!core->live.contains(attempt))
    return refuse("There is no attempt " + std::to_string(attempt));
  return change(*core, [attempt](Core& inside) -> Status {
    inside.database
        ->use("UPDATE recipient SET committed = 0 WHERE attempt = ? AND state = 'sending'")(attempt)
        .exec();
    inside.database->use("UPDATE attempt SET committing = NULL WHERE id = ?")(attempt).exec();
    return {};
  });
}

Status OutboxFile::finish(AttemptId attempt, const AttemptEnd& end) {
  auto core = core_.lock();
  const auto found = core->live.find(attempt);
  if (found == core->live.end()) return ended_before(*core, attempt);
  if (auto good = check_end(found->second, end); !good) return good;
  auto done =
      change(*core, [&](Core& inside) { return end_attempt(inside, attempt, found->second, end); });
  if (done) core->live.erase(found);
  return done;
}

Result<Stepped> OutboxFile::step(const Step& step) {
  auto core = core_.lock();
  if (auto good = check_step(*core, step); !good) return fail(good.error());
  auto done = change(*core, [&](Core& inside) { return carry_out(inside, step); });
  if (!done) return done;
  for (const auto& [attempt, end] : step.ends) core->live.erase(attempt);
  if (done->claimed) {
    core->live[done->claimed->id] = Claimed{done->claimed->entry.id, done->claimed->recipients};
  }
  return done;
}

Result<bool> OutboxFile::cancel(EntryId id) {
  auto core = core_.lock();
  return change(*core, [id](Core& inside) { return withdraw(inside, id); });
}

Result<int> OutboxFile::settle(EntryId id, State from, State to) {
  if (!may_be_settled(from, to)) {
    return refuse("A recipient that is " + std::string(state_name(from)) + " cannot be made " +
                  std::string(state_name(to)));
  }
  auto core = core_.lock();
  return change(*core, [&](Core& inside) -> Result<int> { return resettle(inside, id, from, to); });
}

Result<bool> OutboxFile::others_at_work() {
  auto core = core_.lock();
  return consult(*core, [&](Database& database) {
    return database
        .use("SELECT 1 FROM attempt WHERE ended IS NULL AND owner <> ?")(core->owners.self())
        .next();
  });
}

Result<std::vector<EntryId>> OutboxFile::recover() {
  auto core = core_.lock();
  // Looked at without the write lock first: nearly always nobody has died.
  auto open = consult(*core, [](Database& database) { return open_attempts(database, 0); });
  if (!open) return fail(open.error());
  const bool all_live = std::all_of(open->begin(), open->end(), [&](const OpenAttempt& attempt) {
    return lives(*core, attempt);
  });
  if (all_live) return std::vector<EntryId>{};
  auto touched = change(*core, [](Core& inside) -> Result<std::vector<EntryId>> {
    return bury_dead(inside, 0, wall_clock());
  });
  if (touched) core->owners.sweep();
  return touched;
}

}  // namespace sendonce::outbox
