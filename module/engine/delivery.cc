// See delivery.hh.

#include "engine/delivery.hh"

#include <algorithm>
#include <utility>

#include "base/clock.hh"
#include "engine/large_message.hh"
#include "engine/verdict.hh"

namespace sendonce::engine {

namespace {

/// How much of a message is read from the outbox, and handed to the session, at a time.
constexpr std::size_t piece_size = 262144;

/// A message on its way is told of this often: each time wakes Emacs.
constexpr std::uint64_t told_steps = 100;

std::string heading(const outbox::Entry& entry) {
  return "Attempt " + std::to_string(entry.attempts) + ", " + local_time_text(wall_clock()) +
         ", account " + entry.account;
}

}  // namespace

Result<std::shared_ptr<Delivery>> Delivery::make(Surroundings surroundings, outbox::Attempt attempt,
                                                 bool ask_account) {
  auto wake = net::Wake::make();
  if (!wake) return fail(wake.error());
  return std::shared_ptr<Delivery>(new Delivery(std::move(surroundings), std::move(attempt),
                                                ask_account,
                                                std::make_shared<net::Wake>(std::move(*wake))));
}

std::shared_ptr<Delivery> Delivery::make_follower(Surroundings surroundings,
                                                  outbox::Attempt attempt) {
  return std::shared_ptr<Delivery>(
      new Delivery(std::move(surroundings), std::move(attempt), false, nullptr));
}

Delivery::Delivery(Surroundings surroundings, outbox::Attempt attempt, bool ask_account,
                   std::shared_ptr<net::Wake> wake)
    : surroundings_(std::move(surroundings)),
      attempt_(std::move(attempt)),
      ask_account_(ask_account),
      wake_(std::move(wake)),
      transcript_(heading(attempt_.entry)) {}

void Delivery::cancel() {
  {
    const std::lock_guard lock(withdrawing_);
    if (beyond_) return;
    cancelled_ = true;
    if (wake_) wake_->wake();
  }
  surroundings_.questions.interrupt();
  surroundings_.lines.interrupt();
}

void Delivery::stop_waiting() {
  const std::lock_guard lock(withdrawing_);
  if (wake_) wake_->wake();
}

void Delivery::waits_by(std::shared_ptr<net::Wake> wake) {
  const std::lock_guard lock(withdrawing_);
  wake_ = std::move(wake);
  if (wake_ && cancelled_ && !beyond_) wake_->wake();
}

// --- before the line
// ---------------------------------------------------------------------------------

Status Delivery::prepare() {
  if (auto status = ask_account(); !status) return status;
  return examine_message();
}

Status Delivery::prepare_like(const Delivery& other) {
  settings_ = other.settings_;
  settings_text_ = other.settings_text_;
  return examine_message();
}

Status Delivery::ask_account() {
  const outbox::Entry& entry = attempt_.entry;
  std::string text = entry.settings;
  if (ask_account_) {
    const auto answer = surroundings_.questions.ask(
        AccountQuestion{entry.id, 0, entry.account, entry.settings}, cancelled_);
    if (answer && !answer->empty()) text = std::string(answer->reveal());
  }
  if (cancelled_) return fail(given_up());
  auto settings = Settings::parse(text);
  if (!settings) return fail(settings.error());
  settings_ = std::move(*settings);
  settings_text_ = std::move(text);
  return {};
}

/// What the server must be told: known where the message is large, else found by one pass over it;
/// a message of one piece is kept.
Status Delivery::examine_message() {
  if (attempt_.entry.octets > static_cast<std::int64_t>(piece_size)) {
    if (const auto known = facts_of(attempt_.entry.facts)) {
      facts_ = *known;
      return {};
    }
  }
  smtp::BodyExaminer examiner;
  std::int64_t offset = 0;
  while (offset < attempt_.entry.octets) {
    auto piece = surroundings_.outbox.read_message(attempt_.entry.id, offset, piece_size);
    if (!piece) return fail(piece.error());
    if (piece->empty())
      return fail(Cause::storage, Phase::none, "The stored message is incomplete");
    examiner.examine(*piece);
    offset += static_cast<std::int64_t>(piece->size());
    if (offset == attempt_.entry.octets && offset <= static_cast<std::int64_t>(piece_size)) {
      small_message_ = std::move(*piece);
    }
  }
  facts_ = examiner.facts();
  return {};
}

// --- on the line
// -------------------------------------------------------------------------------------

Result<smtp::Envelope> Delivery::envelope() const {
  smtp::Envelope envelope;
  envelope.facts = facts_;
  if (!attempt_.entry.sender.empty()) {
    auto sender = smtp::Address::parse(attempt_.entry.sender);
    if (!sender) return fail(sender.error());
    envelope.sender = std::move(*sender);
  }
  for (const std::size_t place : attempt_.recipients) {
    auto recipient = smtp::Address::parse(attempt_.entry.recipients[place].address);
    if (!recipient) return fail(recipient.error());
    envelope.recipients.push_back(std::move(*recipient));
  }
  return envelope;
}

void Delivery::hand_over_body(smtp::Session& session) {
  if (!small_message_.empty() || attempt_.entry.octets == 0) {
    return session.body(small_message_, true);
  }
  auto piece = surroundings_.outbox.read_message(attempt_.entry.id, offset_, piece_size);
  if (piece && piece->empty()) {
    piece = fail(Cause::storage, Phase::body, "The stored message is incomplete");
  }
  if (!piece) return session.withdraw(piece.error());
  offset_ += static_cast<std::int64_t>(piece->size());
  session.body(*piece, offset_ >= attempt_.entry.octets);
}

Status Delivery::commit(const std::vector<std::size_t>& recipients,
                        const std::function<Status()>& pass) {
  const std::lock_guard lock(withdrawing_);
  if (cancelled_) return fail(given_up());
  if (recipients.empty()) return {};  // all refused meanwhile: nobody can be in doubt
  auto status = pass();
  if (status) beyond_ = true;
  return status;
}

void Delivery::take_outcomes(const smtp::TransactionEnded& ended) {
  for (const smtp::RecipientOutcome& outcome : ended.outcomes) {
    outcomes_.push_back(outcome_of(outcome));
    more_at_once_ = more_at_once_ || outcome.verdict == smtp::RecipientOutcome::Verdict::next_time;
    if (outcome.error && !decided_by_) decided_by_ = outcome.error;
  }
}

bool Delivery::may_start_over() const {
  const bool nobody_served =
      outcomes_.empty() ? !beyond_
                        : std::all_of(outcomes_.begin(), outcomes_.end(), [](const auto& outcome) {
                            return outcome.state == outbox::State::deferred;
                          });
  return nobody_served && !cancelled_;
}

void Delivery::start_over() {
  offset_ = 0;
  outcomes_.clear();
  decided_by_.reset();
  more_at_once_ = false;
  beyond_ = false;
}

// --- the end
// -----------------------------------------------------------------------------------------

outbox::AttemptEnd Delivery::conclude(
    const Status& status, const std::function<std::string(const std::string&)>& redacted) {
  over_ = true;
  if (!status) {
    decided_by_ = status.error();
    outcomes_.assign(attempt_.recipients.size(), outcome_of(status.error()));
  }
  redact(redacted);
  outbox::AttemptEnd end;
  if (decided_by_) {
    end.cause =
        outbox::stored_cause(cause_name(decided_by_->cause), phase_name(decided_by_->phase));
    transcript_.note(error_line(*decided_by_));
  }
  for (std::size_t i = 0; i < outcomes_.size(); ++i) {
    const std::string& address = attempt_.entry.recipients[attempt_.recipients[i]].address;
    transcript_.note(std::string(outbox::state_name(outcomes_[i].state)) + ": " + address + " (" +
                     outcomes_[i].reply + ")");
    const outbox::State state = outcomes_[i].state;
    if (!end.cause.empty() || state == outbox::State::sent) continue;
    end.cause =
        cause_name(state == outbox::State::failed ? Cause::refused : Cause::refused_for_now);
  }
  end.outcomes = outcomes_;
  // The others go at once, if this time anything was decided: else it would go on for ever.
  const bool decided = std::any_of(outcomes_.begin(), outcomes_.end(), [](const auto& outcome) {
    return outcome.state == outbox::State::sent || outcome.state == outbox::State::failed;
  });
  if (more_at_once_ && decided) end.next_try = wall_clock();
  return end;
}

/// What the server said after the sign-in is kept and shown, too.
void Delivery::redact(const std::function<std::string(const std::string&)>& redacted) {
  if (decided_by_) {
    decided_by_->message = redacted(decided_by_->message);
    decided_by_->reply = redacted(decided_by_->reply);
  }
  for (outbox::Outcome& outcome : outcomes_) outcome.reply = redacted(outcome.reply);
}

void Delivery::tell(Phase phase, std::uint64_t done, std::string detail) {
  const auto total = static_cast<std::int64_t>(facts_.octets);
  const auto step = static_cast<std::uint64_t>(total) / told_steps;
  const bool little = phase == told_phase_ && done < facts_.octets && done - told_done_ < step;
  if (little && done >= told_done_) return;
  told_phase_ = phase;
  told_done_ = done;
  surroundings_.sink.post(Progress{attempt_.entry.id, phase,
                                   std::min(static_cast<std::int64_t>(done), total), total,
                                   std::move(detail)});
}

Error Delivery::given_up() const {
  return Error{Cause::cancelled, Phase::none, "The attempt was withdrawn", {}};
}

}  // namespace sendonce::engine
