// See delivery.hh.

#include "engine/delivery.hh"

#include <algorithm>
#include <utility>

#include "base/clock.hh"
#include "engine/verdict.hh"

namespace sendonce::engine {

namespace {

/// How much of a message is read from the outbox, and handed to the session, at a time.
constexpr std::size_t piece_size = 262144;

std::string heading(const outbox::Entry& entry) {
  return "Attempt " + std::to_string(entry.attempts) + ", " + local_time_text(wall_clock()) +
         ", account " + entry.account;
}

}  // namespace

Result<std::shared_ptr<Delivery>> Delivery::make(Surroundings surroundings, outbox::Attempt attempt,
                                                 bool ask_account) {
  auto wake = net::Wake::make();
  if (!wake) return fail(wake.error());
  return std::shared_ptr<Delivery>(
      new Delivery(std::move(surroundings), std::move(attempt), ask_account, std::move(*wake)));
}

Delivery::Delivery(Surroundings surroundings, outbox::Attempt attempt, bool ask_account,
                   net::Wake wake)
    : surroundings_(std::move(surroundings)),
      attempt_(std::move(attempt)),
      ask_account_(ask_account),
      wake_(std::make_shared<net::Wake>(std::move(wake))),
      transcript_(heading(attempt_.entry)) {}

void Delivery::cancel() {
  {
    const std::lock_guard lock(withdrawing_);
    if (beyond_) return;
    cancelled_ = true;
    if (wake_) wake_->wake();
  }
  surroundings_.questions.interrupt();
}

void Delivery::stop_waiting() {
  const std::lock_guard lock(withdrawing_);
  if (wake_) wake_->wake();
}

outbox::AttemptEnd Delivery::run() {
  Status status = prepare();
  if (status) {
    status = attempt_once(true);
    if (line_was_dead()) {
      start_over();
      status = attempt_once(false);
    }
  }
  over_ = true;
  return conclude(status);
}

Status Delivery::attempt_once(bool with_kept_line) {
  Status status;
  if (!with_kept_line || !adopt_line()) status = approach_->reach();
  approach_->wipe();
  if (status) status = begin_message();
  if (status) status = converse();
  return status;
}

std::optional<KeptLine> Delivery::release() {
  std::optional<KeptLine> line;
  const std::lock_guard lock(withdrawing_);
  if (approach_ && surroundings_.lines != nullptr && settings_.keep_alive.count() > 0 &&
      !cancelled_)
    line = approach_->release();
  if (!line && approach_ && approach_->has_line()) approach_->dialogue().part();
  wake_ = nullptr;
  return line;
}

// --- a line that was kept
// -----------------------------------------------------------------------------

bool Delivery::adopt_line() {
  if (surroundings_.lines == nullptr) return false;
  auto line = surroundings_.lines->take(settings_text_);
  if (!line) return false;
  {
    const std::lock_guard lock(withdrawing_);
    wake_ = line->wake;
    if (cancelled_) wake_->wake();
  }
  adopted_ = approach_->adopt(std::move(*line));
  return adopted_;
}

/// It ended, by nobody's wish, and nobody was served for certain: a new line may do better.
bool Delivery::line_was_dead() const {
  const bool nobody_served =
      outcomes_.empty() ? !beyond_
                        : std::all_of(outcomes_.begin(), outcomes_.end(), [](const auto& outcome) {
                            return outcome.state == outbox::State::deferred;
                          });
  return adopted_ && nobody_served && !cancelled_ && approach_->has_line() &&
         approach_->dialogue().session().state() == smtp::State::ended;
}

void Delivery::start_over() {
  transcript_.note("The line that was kept has ended: once more on a new one");
  adopted_ = false;
  offset_ = 0;
  outcomes_.clear();
  decided_by_.reset();
  beyond_ = false;
  make_approach();
}

// --- before the line
// ---------------------------------------------------------------------------------

Status Delivery::prepare() {
  if (auto status = ask_account(); !status) return status;
  if (auto status = examine_message(); !status) return status;
  make_approach();
  return {};
}

void Delivery::make_approach() {
  approach_.emplace(surroundings_,
                    Errand{attempt_.entry.id, wake_, cancelled_, transcript_,
                           [this](Phase phase, std::uint64_t done) { tell(phase, done); }},
                    settings_);
}

Status Delivery::ask_account() {
  const outbox::Entry& entry = attempt_.entry;
  std::string text = entry.settings;
  if (ask_account_) {
    const auto answer = surroundings_.questions.ask(
        AccountQuestion{entry.id, 0, entry.account, entry.settings}, cancelled_);
    if (answer && !answer->empty()) text = std::string(answer->reveal());
  }
  if (cancelled_) return fail(given_up("The attempt was withdrawn"));
  auto settings = Settings::parse(text);
  if (!settings) return fail(settings.error());
  settings_ = std::move(*settings);
  settings_text_ = std::move(text);
  return {};
}

/// One pass over the stored message for what the server must be told; a message of one piece is
/// kept.
Status Delivery::examine_message() {
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

/// Until every recipient has its outcome, or an error that is everybody's.
Status Delivery::converse() {
  while (outcomes_.empty()) {
    smtp::Output output = approach_->dialogue().advance();
    if (auto status = decide(output); !status) return status;
  }
  return {};
}

Status Delivery::decide(smtp::Output& output) {
  if (std::holds_alternative<smtp::NeedBody>(output)) return hand_over_body();
  if (const auto* commit_follows = std::get_if<smtp::CommitFollows>(&output)) {
    commit(*commit_follows);
  } else if (const auto* transaction = std::get_if<smtp::TransactionEnded>(&output)) {
    take_outcomes(*transaction);
  } else if (const auto* over = std::get_if<smtp::Ended>(&output)) {
    return fail(over->error.value_or(given_up("The session ended")));
  }
  return {};
}

Status Delivery::begin_message() {
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
  approach_->dialogue().session().begin(std::move(envelope));
  return {};
}

Status Delivery::hand_over_body() {
  if (!small_message_.empty() || attempt_.entry.octets == 0) {
    approach_->dialogue().session().body(small_message_, true);
    return {};
  }
  auto piece = surroundings_.outbox.read_message(attempt_.entry.id, offset_, piece_size);
  if (piece && piece->empty()) {
    piece = fail(Cause::storage, Phase::body, "The stored message is incomplete");
  }
  if (!piece) {
    approach_->dialogue().session().withdraw(piece.error());
    return {};
  }
  offset_ += static_cast<std::int64_t>(piece->size());
  approach_->dialogue().session().body(*piece, offset_ >= attempt_.entry.octets);
  return {};
}

/// Barrier (2).  From here on a wish to cancel comes too late: it is either noted before the lock
/// is had, and then heeded, or not noted any more.
void Delivery::commit(const smtp::CommitFollows& commit_follows) {
  const std::lock_guard lock(withdrawing_);
  if (cancelled_)
    return approach_->dialogue().session().withdraw(given_up("The attempt was withdrawn"));
  if (commit_follows.recipients.empty()) return;  // all refused meanwhile: nobody can be in doubt
  if (auto status = surroundings_.outbox.committing(attempt_.id, commit_follows.recipients);
      !status) {
    return approach_->dialogue().session().withdraw(status.error());
  }
  beyond_ = true;
}

void Delivery::take_outcomes(const smtp::TransactionEnded& ended) {
  for (const smtp::RecipientOutcome& outcome : ended.outcomes) {
    outcomes_.push_back(outcome_of(outcome));
    if (outcome.error && !decided_by_) decided_by_ = outcome.error;
  }
}

// --- the end
// -----------------------------------------------------------------------------------------

outbox::AttemptEnd Delivery::conclude(const Status& status) {
  if (!status) {
    decided_by_ = status.error();
    outcomes_.assign(attempt_.recipients.size(), outcome_of(status.error()));
  }
  redact();
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
  return end;
}

/// What the server said after the sign-in is kept and shown, too.
void Delivery::redact() {
  if (!approach_) return;
  if (decided_by_) decided_by_ = approach_->redacted(std::move(*decided_by_));
  for (outbox::Outcome& outcome : outcomes_) outcome.reply = approach_->redacted(outcome.reply);
}

void Delivery::tell(Phase phase, std::uint64_t done, std::string detail) {
  const auto total = static_cast<std::int64_t>(facts_.octets);
  if (detail.empty() && approach_ && approach_->has_line()) {
    const net::TlsInfo* tls = approach_->dialogue().line().tls_info();
    if (tls) detail = tls->version;
  }
  surroundings_.sink.post(Progress{attempt_.entry.id, phase,
                                   std::min(static_cast<std::int64_t>(done), total), total,
                                   std::move(detail)});
}

Error Delivery::given_up(std::string message) const {
  return Error{Cause::cancelled, Phase::none, std::move(message), {}};
}

}  // namespace sendonce::engine
