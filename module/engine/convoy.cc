// See convoy.hh.

#include "engine/convoy.hh"

#include <algorithm>
#include <exception>
#include <utility>

namespace sendonce::engine {

namespace {

Error given_up() { return Error{Cause::cancelled, Phase::none, "The attempt was withdrawn", {}}; }

}  // namespace

Convoy::Convoy(Surroundings surroundings, Host& host, std::shared_ptr<Delivery> first)
    : surroundings_(std::move(surroundings)), host_(host), leader_(first) {
  members_.push_back(Member{std::move(first)});
}

void Convoy::run() {
  try {
    while (!members_.empty()) go_on();
  } catch (const std::exception& defect) {
    end_all(Error{
        Cause::internal, Phase::none, std::string("A defect of sendonce: ") + defect.what(), {}});
    spent_ = true;
  }
  record_ends();
}

/// One line, until it ends or nobody is here any more.
void Convoy::go_on() {
  Status status = make_ready(members_.front());
  if (!status) return end_member(0, status);
  if (status = take_line(); status) return carry();
  // What keeps one from the server keeps all, unless it is the user's wish.
  leader_->cancelled() ? end_member(0, status) : end_all(status.error());
}

// --- the line
// ----------------------------------------------------------------------------------------

Status Convoy::take_line() {
  leader_ = members_.front().delivery;
  if (had_line_ || !leader_->wake()) {
    auto wake = net::Wake::make();
    if (!wake) return fail(wake.error());
    leader_->waits_by(std::make_shared<net::Wake>(std::move(*wake)));
  }
  wake_ = leader_->wake();
  spent_ = kept_ = carried_ = probed_ = false;
  approach_.emplace(surroundings_,
                    Errand{leader_->attempt().entry.id, wake_, leader_->cancelled_flag(),
                           leader_->record(), watcher(leader_)},
                    leader_->settings());
  const bool adopted = !std::exchange(had_line_, true) && adopt_line();
  Status status = adopted ? Status{} : approach_->reach();
  approach_->wipe();
  return status;
}

bool Convoy::adopt_line() {
  LinePool& lines = surroundings_.lines;
  auto line = lines.take(line_key(), leader_->cancelled_flag());
  if (!line) return false;
  wake_ = line->wake;
  leader_->waits_by(wake_);
  const bool fresh = !line->quiet_for(probe_after);
  const int carried = line->messages;
  const bool probe = carried > 0 && !lines.outlives_messages(line_key());
  const bool alive = approach_->adopt(std::move(*line), probe);
  kept_ = alive;
  carried_ = alive && carried > 0;
  if (probe && alive) lines.note_outlives(line_key());
  // One that was not quiet for long broke off because of what it had carried.
  if (!alive && carried > 0 && fresh && !leader_->cancelled())
    lines.note_broke(line_key(), carried);
  return alive;
}

std::optional<KeptLine> Convoy::release() {
  std::optional<KeptLine> line;
  if (!approach_ || !approach_->has_line()) return line;
  if (!spent_ && keep_alive().count() > 0 && may_carry_after(0)) line = approach_->release();
  if (approach_->has_line()) approach_->dialogue().part();
  return line;
}

Dialogue::Watcher Convoy::watcher(const std::shared_ptr<Delivery>& delivery) {
  return [this, delivery = delivery.get()](Phase phase, std::uint64_t done) {
    const bool has_line = approach_ && approach_->has_line();
    const net::TlsInfo* tls = has_line ? approach_->dialogue().line().tls_info() : nullptr;
    delivery->tell(phase, done, tls != nullptr ? tls->version : std::string());
  };
}

/// Could the line carry one more than those who are here?
bool Convoy::has_room() {
  return !spent_ && next_place() == members_.size() && host_.wants_more() &&
         may_carry_after(members_.size());
}

/// After COUNT that are under way, by what the server says and by what was seen of its lines.
bool Convoy::may_carry_after(std::size_t count) {
  const int most = surroundings_.lines.most_messages(line_key());
  const auto seen = static_cast<std::size_t>(approach_->carried()) + count;
  return approach_->has_room_after(count) && (most == 0 || seen < static_cast<std::size_t>(most));
}

// --- what it carries
// ---------------------------------------------------------------------------------

void Convoy::carry() {
  Dialogue& dialogue = approach_->dialogue();
  dialogue.before_waits([this] { return before_wait(); });
  while (!members_.empty() && !spent_) decide(dialogue.advance());
  dialogue.before_waits(nullptr);
}

void Convoy::decide(const smtp::Output& output) {
  if (std::holds_alternative<smtp::NeedBody>(output)) {
    last_begun().delivery->hand_over_body(approach_->dialogue().session());
  } else if (const auto* commit = std::get_if<smtp::CommitFollows>(&output)) {
    pass_barrier(commit->recipients);
  } else if (const auto* transaction = std::get_if<smtp::TransactionEnded>(&output)) {
    transaction_ended(*transaction);
  } else if (std::holds_alternative<smtp::Ready>(output)) {
    begin_next();
  } else if (const auto* over = std::get_if<smtp::Ended>(&output)) {
    spent_ = true;
    if (carried_ && over->error && over->error->cause == Cause::connection_lost)
      surroundings_.lines.note_broke(line_key(), approach_->carried());
  }
}

/// The time until the server answers is used: for the journal, and for the message that comes next.
bool Convoy::before_wait() {
  record_ends();
  announce();
  const std::size_t next = next_place();
  if (next == members_.size()) return false;
  if (auto status = make_ready(members_[next]); !status) {
    end_member(next, status);
    record_ends();
    return false;
  }
  const smtp::Session& session = approach_->dialogue().session();
  const smtp::BodyFacts& facts = members_[next].delivery->facts();
  const bool trusted = surroundings_.lines.outlives_messages(line_key());
  return session.takes_another(facts) && (trusted || !session.goes_in_one_flight(facts)) &&
         begin(next);
}

void Convoy::begin_next() {
  const std::size_t next = next_place();
  if (next == members_.size()) return;
  if (auto status = make_ready(members_[next]); !status) {
    end_member(next, status);
  } else if (wants_proof(members_[next])) {
    if (next == 0) members_[next].delivery->waits_by(wake_);
    probed_ = true;
    approach_->dialogue().session().probe();
  } else {
    begin(next);
  }
  if (members_.empty()) find_another();
}

/// Is MEMBER to be beyond its commit point at once, on a line that has not shown yet that it
/// outlives a message?
bool Convoy::wants_proof(const Member& member) {
  LinePool& lines = surroundings_.lines;
  if (!carried_ || lines.outlives_messages(line_key())) return false;
  if (!probed_) return approach_->dialogue().session().goes_in_one_flight(member.delivery->facts());
  lines.note_outlives(line_key());
  return false;
}

/// False: it cannot be sent as it stands, and has ended.
bool Convoy::begin(std::size_t place) {
  Member& member = members_[place];
  Delivery& delivery = *member.delivery;
  auto envelope = delivery.envelope();
  if (!envelope) {
    end_member(place, fail(envelope.error()));
    return false;
  }
  Dialogue& dialogue = approach_->dialogue();
  if (member.delivery != leader_) {
    delivery.record().redact_with(approach_->redactor());
    delivery.record().note("On the line of entry " + std::to_string(leader_->attempt().entry.id) +
                           ", to " + dialogue.line().peer());
  }
  dialogue.begin(std::move(*envelope), delivery.record(), watcher(member.delivery));
  member.begun = true;
  if (place == 0) delivery.waits_by(wake_);
  return true;
}

/// One that is not wanted any more is not begun: that would cost the line.
Status Convoy::make_ready(Member& member) {
  Status status;
  if (!std::exchange(member.prepared, true)) {
    status = member.delivery == leader_ ? member.delivery->prepare()
                                        : member.delivery->prepare_like(*leader_);
  }
  return status && member.delivery->cancelled() ? fail(given_up()) : status;
}

/// Barrier (2), and all else that the journal is to hold by now.
void Convoy::pass_barrier(const std::vector<std::size_t>& recipients) {
  Delivery& delivery = *last_begun().delivery;
  std::optional<outbox::Attempt> claimed;
  const Status status = delivery.commit(recipients, [&]() -> Status {
    outbox::Step step = ends();
    step.commit = outbox::Step::Commit{delivery.attempt().id, recipients};
    if (has_room()) step.claim_like = &delivery.attempt().entry;
    auto stepped = surroundings_.outbox.step(step);
    if (!stepped) return fail(stepped.error());
    ends_are_recorded();
    claimed = std::move(stepped->claimed);
    return stepped->commit;
  });
  if (!status) approach_->dialogue().session().withdraw(status.error());
  join(std::move(claimed));
}

void Convoy::transaction_ended(const smtp::TransactionEnded& ended) {
  const std::size_t place = first_begun();
  Member& member = members_.at(place);
  member.delivery->take_outcomes(ended);
  approach_->dialogue().first_is_over();
  if (starts_over(member)) return;
  const bool heard = std::any_of(ended.outcomes.begin(), ended.outcomes.end(),
                                 [](const auto& outcome) { return outcome.reply.has_value(); });
  if (carried_ && heard && !line_has_ended()) surroundings_.lines.note_outlives(line_key());
  if (heard || line_has_ended()) {
    carried_ = true;
    probed_ = false;
    approach_->carried_one();
  }
  end_member(place, {});
  if (!members_.empty() && members_.front().begun) members_.front().delivery->waits_by(wake_);
  if (members_.empty()) find_another();
}

/// A line that was good for a message before has ended, by nobody's wish, and nobody was served for
/// certain: a new line may do better.  Until that has the message, it may be withdrawn again.
bool Convoy::starts_over(Member& member) {
  if (!line_has_ended() || !(carried_ || kept_) || !member.delivery->may_start_over() ||
      !host_.wants_more())
    return false;
  member.delivery->record().note("The line that was kept has ended: once more on a new one");
  member.delivery->record().redact_with(nullptr);
  member.delivery->waits_by(nullptr);
  if (member.delivery->committing()) {
    (void)surroundings_.outbox.uncommit(member.delivery->attempt().id);
  }
  member.delivery->start_over();
  member.begun = false;
  return true;
}

bool Convoy::line_has_ended() const {
  return approach_->dialogue().session().state() == smtp::State::ended;
}

void Convoy::join(std::optional<outbox::Attempt> attempt) {
  if (!attempt) return;
  if (auto delivery = host_.join(std::move(*attempt))) {
    members_.push_back(Member{std::move(delivery)});
  }
}

/// All that were here have ended: what they were, and whether another is due.
void Convoy::find_another() {
  if (ended_.empty() || line_has_ended() || !has_room()) return;
  outbox::Step step = ends();
  step.claim_like = &last_->attempt().entry;
  auto stepped = surroundings_.outbox.step(step);
  if (!stepped) return;
  ends_are_recorded();
  join(std::move(stepped->claimed));
  // It may have to wait for what the line has still to answer.
  if (!members_.empty()) members_.front().delivery->waits_by(wake_);
}

std::size_t Convoy::first_begun() const {
  const auto found = std::find_if(members_.begin(), members_.end(),
                                  [](const Member& member) { return member.begun; });
  return static_cast<std::size_t>(found - members_.begin());
}

Convoy::Member& Convoy::last_begun() {
  return *std::find_if(members_.rbegin(), members_.rend(),
                       [](const Member& member) { return member.begun; });
}

/// Who is to be begun next; the end for nobody.
std::size_t Convoy::next_place() const {
  const auto found = std::find_if(members_.begin(), members_.end(),
                                  [](const Member& member) { return !member.begun; });
  return static_cast<std::size_t>(found - members_.begin());
}

// --- what has ended
// ----------------------------------------------------------------------------------

void Convoy::end_member(std::size_t place, const Status& status) {
  const auto member = members_.begin() + static_cast<std::ptrdiff_t>(place);
  last_ = std::move(member->delivery);
  if (member->begun) heard_ = last_;
  members_.erase(member);
  const bool ended_waits_here = wake_ && last_->wake() == wake_;
  last_->waits_by(nullptr);
  if (ended_waits_here && last_->cancelled()) spent_ = true;
  const bool in_doubt = !status && last_->committing();
  auto end = last_->conclude(status, [this](const std::string& text) {
    return approach_ ? approach_->redacted(text) : text;
  });
  // The journal knows that the barrier was passed; so do we.
  if (in_doubt) {
    for (outbox::Outcome& outcome : end.outcomes) outcome.state = outbox::State::in_doubt;
  }
  host_.plan(end, last_->attempt());
  end.transcript = last_->transcript();
  ended_.push_back(Ended{last_, std::move(end)});
}

void Convoy::end_all(const Error& error) {
  while (!members_.empty()) end_member(0, fail(error));
}

outbox::Step Convoy::ends() const {
  outbox::Step step;
  for (const Ended& one : ended_) step.ends.push_back({one.delivery->attempt().id, &one.end});
  return step;
}

void Convoy::ends_are_recorded() {
  std::move(ended_.begin(), ended_.end(), std::back_inserter(recorded_));
  ended_.clear();
}

void Convoy::record_ends() {
  for (const Ended& one : ended_) host_.record(one.delivery->attempt(), one.end);
  ends_are_recorded();
}

void Convoy::announce() {
  for (const Ended& one : std::exchange(recorded_, {})) {
    host_.over(one.delivery->attempt(), one.end);
  }
}

}  // namespace sendonce::engine
