// See engine.hh.

#include "engine/engine.hh"

#include <algorithm>
#include <exception>

#include "engine/quiet_thread.hh"
#include "engine/settings.hh"
#include "engine/verdict.hh"
#include "smtp/address.hh"

namespace sendonce::engine {

namespace {

/// Lines at work at once: over all servers, and to one.
constexpr std::size_t most_lines = 8;
constexpr int most_lines_a_server = 2;

/// A second line to a server costs the round trips of a sign-in: it pays where so many wait, or
/// where one waits that the user has just sent.
constexpr std::int64_t second_line_pays = 8;

/// How long a thread may take to end after all that it waits for was ended.
constexpr Milliseconds last_grace{1000};

/// How long a line that was opened ahead waits for its message: a server has to wait for five
/// minutes (RFC 5321 4.5.3.2.7).
constexpr Seconds ahead_span{290};

/// Seconds before an entry that could not be started is looked at again.
constexpr double pause_after_failure = 5;

/// Seconds between looks whether another Emacs that sends still lives; none while nobody sends.
constexpr double look_after_others = 5;

Status examine(const outbox::Submission& submission) {
  if (auto settings = Settings::parse(submission.settings); !settings)
    return fail(settings.error());
  if (!submission.sender.empty()) {
    if (auto sender = smtp::Address::parse(submission.sender); !sender) return fail(sender.error());
  }
  if (submission.recipients.empty()) {
    return fail(Cause::bad_argument, Phase::none, "The message has no recipient");
  }
  for (const std::string& recipient : submission.recipients) {
    if (auto address = smtp::Address::parse(recipient); !address) return fail(address.error());
  }
  return {};
}

std::chrono::system_clock::time_point wall_time(double seconds) {
  using std::chrono::system_clock;
  return system_clock::time_point(
      std::chrono::duration_cast<system_clock::duration>(std::chrono::duration<double>(seconds)));
}

}  // namespace

Engine::Engine(std::unique_ptr<outbox::Outbox> outbox, std::shared_ptr<EventSink> sink)
    : outbox_(std::move(outbox)),
      sink_(std::move(sink)),
      questions_(*sink_),
      tickets_(std::make_shared<net::TicketStore>()) {
  if (!outbox_->notice().empty()) sink_->post(Notice{outbox_->notice()});
  kick();
}

Engine::~Engine() {
  if (!abandoned_) stop(Milliseconds(0));
}

// --- for the Lisp thread
// -----------------------------------------------------------------------------

void Engine::configure(Policy policy) { state_.lock()->policy = std::move(policy); }

Result<EntryId> Engine::enqueue(const outbox::Submission& submission, std::string_view message) {
  if (auto status = examine(submission); !status) return fail(status.error());
  if (message.find('\0') != std::string_view::npos) {
    return fail(Cause::bad_argument, Phase::none,
                "The message has a NUL byte in it, which no mail may hold");
  }
  return taken(outbox_->enqueue(submission, message));
}

Result<EntryId> Engine::taken(Result<EntryId> id) {
  if (id) {
    state_.lock()->fresh.insert(*id);
    kick();
  }
  return id;
}

Result<std::int64_t> Engine::store(const outbox::Submission& submission, LargeMessage message) {
  if (auto status = examine(submission); !status) return fail(status.error());
  reap();
  auto state = state_.lock();
  if (state->stopping) return fail(Cause::cancelled, Phase::none, "The engine is being stopped");
  const std::int64_t number = ++state->last_store;
  auto kept = std::make_shared<LargeMessage>(std::move(message));
  outbox::Submission with_facts = submission;
  with_facts.facts = text_of(kept->facts());
  start_worker(*state, [this, with_facts = std::move(with_facts), kept = std::move(kept), number] {
    const auto id = taken(outbox_->enqueue(with_facts, kept->spool()));
    Stored stored{number, id.value_or(0), std::nullopt};
    if (!id) stored.error = id.error();
    sink_->post(std::move(stored));
  });
  return number;
}

Result<int> Engine::flush(std::optional<EntryId> id) {
  auto entries = outbox_->entries();
  if (!entries) return fail(entries.error());
  int due = 0;
  for (const outbox::Entry& entry : *entries) {
    const bool waits =
        std::any_of(entry.recipients.begin(), entry.recipients.end(), [](const auto& row) {
          return row.state == outbox::State::queued || row.state == outbox::State::deferred;
        });
    if (!waits || (id && *id != entry.id)) continue;
    if (auto status = outbox_->set_next_try(entry.id, wall_clock()); !status)
      return fail(status.error());
    ++due;
  }
  kick();
  return due;
}

Result<EntryId> Engine::check(const std::string& settings) {
  reap();
  auto state = state_.lock();
  if (state->stopping) return fail(Cause::cancelled, Phase::none, "The engine is being stopped");
  const EntryId number = --state->last_checkup;
  auto checkup = Checkup::make(surroundings(), number, settings);
  if (!checkup) return fail(checkup.error());
  state->checkups.emplace(number, *checkup);
  start_worker(*state, [this, checkup = *checkup, number] { work(checkup, number); });
  return number;
}

Status Engine::open_ahead(const std::string& settings) {
  reap();
  auto state = state_.lock();
  if (state->stopping) return {};
  auto preconnect = Preconnect::make(surroundings(), --state->last_checkup, settings);
  if (!preconnect) return fail(preconnect.error());
  if (!lines_.expect(settings, probe_after)) return {};
  try {
    start_worker(*state, [this, preconnect = *preconnect] { work(preconnect); });
  } catch (...) {
    lines_.expect_no_more(settings);
    throw;
  }
  state->ahead.emplace(settings, *preconnect);
  return {};
}

void Engine::drop_ahead(const std::string& settings) {
  lines_.end_unused(settings);
  auto state = state_.lock();
  // Somebody may wait for it to go by it.
  const bool wanted = !state->running.empty();
  if (const auto found = state->ahead.find(settings); found != state->ahead.end() && !wanted)
    found->second->cancel();
}

Result<bool> Engine::cancel(EntryId id) {
  if (auto checkup = find_checkup(id)) {
    checkup->cancel();
    return true;
  }
  if (id < 0) return true;  // a checkup that has ended
  auto entirely = outbox_->cancel(id);
  if (auto delivery = find(id)) delivery->cancel();
  return entirely;
}

Result<int> Engine::settle(EntryId id, outbox::State from, outbox::State to) {
  auto changed = outbox_->settle(id, from, to);
  kick();
  return changed;
}

Status Engine::set_next_try(EntryId id, double time) {
  auto status = outbox_->set_next_try(id, time);
  kick();
  return status;
}

void Engine::answer(QuestionId question, std::optional<Secret> answer) {
  questions_.answer(question, std::move(answer));
}

/// That of the attempt under way is read first: should it be recorded meanwhile, both have the same
/// heading.
Result<std::string> Engine::transcript(EntryId id) {
  const auto delivery = find(id);
  std::string current = delivery ? delivery->transcript() : std::string();
  auto stored = outbox_->transcripts(id);
  if (!stored) return fail(stored.error());
  const std::string heading = current.substr(0, current.find('\n') + 1);
  if (!stored->empty() && stored->back().starts_with(heading)) current.clear();
  std::string all;
  for (const std::string& one : *stored) all += one;
  return all + current;
}

std::pair<int, int> Engine::running() {
  auto state = state_.lock();
  const auto committing = std::count_if(state->running.begin(), state->running.end(),
                                        [](const auto& one) { return one.second->committing(); });
  return {static_cast<int>(state->running.size()), static_cast<int>(committing)};
}

bool Engine::stop(Milliseconds span) {
  stop_scheduling();
  std::vector<std::shared_ptr<Delivery>> deliveries;
  {
    auto state = state_.lock();
    for (const auto& [id, delivery] : state->running) deliveries.push_back(delivery);
    for (const auto& [number, checkup] : state->checkups) checkup->cancel();
    for (const auto& [key, preconnect] : state->ahead) preconnect->cancel();
  }
  for (const auto& delivery : deliveries) delivery->cancel();
  const bool in_time = wait_until_quiet(Deadline::after(span));
  for (const auto& delivery : deliveries) delivery->stop_waiting();
  lines_.close();
  join_or_abandon(Deadline::after(last_grace));
  return in_time && !abandoned_;
}

/// Afterwards no delivery begins any more.
void Engine::stop_scheduling() {
  std::thread scheduler;
  std::thread watcher;
  {
    auto state = state_.lock();
    state->stopping = true;
    scheduler = std::move(state->scheduler);
    watcher = std::move(state->watcher);
  }
  state_.notify();
  if (network_) network_->stop();
  if (scheduler.joinable()) scheduler.join();
  if (watcher.joinable()) watcher.join();
}

bool Engine::wait_until_quiet(Deadline deadline) {
  auto state = state_.lock();
  return state.wait_until(std::chrono::system_clock::now() + (deadline.time() - SteadyClock::now()),
                          [&] { return state->running.empty(); });
}

std::shared_ptr<Delivery> Engine::find(EntryId id) {
  auto state = state_.lock();
  const auto found = state->running.find(id);
  return found == state->running.end() ? nullptr : found->second;
}

std::shared_ptr<Checkup> Engine::find_checkup(EntryId number) {
  auto state = state_.lock();
  const auto found = state->checkups.find(number);
  return found == state->checkups.end() ? nullptr : found->second;
}

// --- the scheduling thread
// ---------------------------------------------------------------------------

/// Something may be due: wakes the scheduler, which starts with the first kick.
void Engine::kick() {
  {
    auto state = state_.lock();
    if (state->stopping) return;
    state->kicked = true;
    if (!state->scheduler.joinable()) start_threads(*state);
  }
  state_.notify();
}

void Engine::start_threads(State& state) {
  state.scheduler = quiet_thread([this] { schedule(); });
  if (auto network = net::NetworkWatch::make()) {
    network_.emplace(std::move(*network));
    state.watcher = quiet_thread([this] { watch_network(); });
  }
}

void Engine::watch_network() {
  while (network_->wait()) network_changed();
}

/// What the network kept back may go now; what a server kept back waits for its time.
void Engine::network_changed() {
  lines_.end_resting();  // they may lead nowhere now, and would not say so
  const auto entries = outbox_->entries();
  if (!entries) return sink_->post(Notice{entries.error().message});
  for (const outbox::Entry& entry : *entries) {
    if (entry.state == outbox::State::deferred && is_about_network(entry.cause)) {
      (void)outbox_->set_next_try(entry.id, wall_clock());
    }
  }
  kick();
}

void Engine::schedule() {
  while (!state_.lock()->stopping) {
    reap();
    recover();
    const double now = wall_clock();
    sleep_until_due(now, start_due(now));
  }
}

/// What an Emacs that died has left behind is ours to try, or to tell.
void Engine::recover() {
  const auto touched = outbox_->recover();
  if (!touched) return sink_->post(Notice{touched.error().message});
  for (const EntryId id : *touched) sink_->post(AttemptEnded{id});
}

/// False: an entry is due that could not be started, though there was a line for it.
bool Engine::start_due(double now) {
  std::set<EntryId> passed_over;
  for (bool progress = true; progress;) {
    progress = false;
    const auto groups = outbox_->due_groups(now);
    if (!groups) return false;
    for (const outbox::DueGroup& group : *groups) {
      const auto settings = Settings::parse(group.settings);
      const std::string server = settings ? settings->server() : std::string();
      if (passed_over.contains(group.first) || !has_free_line(server, group)) continue;
      if (start(group.first, server)) {
        progress = true;
      } else {
        passed_over.insert(group.first);
      }
    }
  }
  return passed_over.empty();
}

bool Engine::has_free_line(const std::string& server, const outbox::DueGroup& group) {
  auto state = state_.lock();
  if (state->stopping) return false;
  std::size_t all = 0;
  for (const auto& [name, count] : state->lines) all += static_cast<std::size_t>(count);
  const auto found = state->lines.find(server);
  const int here = found == state->lines.end() ? 0 : found->second;
  const bool pays =
      here == 0 || group.count >= second_line_pays || state->fresh.contains(group.newest);
  return all < most_lines && here < most_lines_a_server && pays;
}

/// False: somebody else has it, or the outbox cannot be written; it is looked at again at the next
/// kick.
bool Engine::start(EntryId id, const std::string& server) {
  auto attempt = outbox_->claim(id);
  if (!attempt) {
    sink_->post(Notice{attempt.error().message});
    return false;
  }
  if (!attempt->has_value()) return false;
  const outbox::Attempt claimed = **attempt;
  if (auto started = start_line(std::move(**attempt), server); !started) {
    give_back(claimed, started.error());
    return false;
  }
  return true;
}

/// An attempt at the same entry that has ended, but is not told yet, gives way in the list.
Status Engine::start_line(outbox::Attempt attempt, const std::string& server) {
  const EntryId id = attempt.entry.id;
  auto state = state_.lock();
  const bool ask_account = state->fresh.erase(id) == 0;
  auto delivery = Delivery::make(surroundings(), std::move(attempt), ask_account);
  if (!delivery) return fail(delivery.error());
  try {
    start_worker(*state, [this, delivery = *delivery, server] { carry(delivery, server); });
  } catch (const std::exception& defect) {
    return fail(Cause::internal, Phase::none,
                std::string("No thread can be started: ") + defect.what());
  }
  state->running.insert_or_assign(id, *delivery);
  ++state->lines[server];
  return {};
}

template <class Work>
void Engine::start_worker(State& state, Work work) {
  auto over = std::make_shared<std::atomic<bool>>(false);
  auto body = [this, over, work = std::move(work)] {
    work();
    {
      const auto lock = state_.lock();
      *over = true;
    }
    state_.notify();
  };
  state.workers.push_back(Worker{quiet_thread(std::move(body)), over});
}

/// Ends an attempt that could not begin: no descriptor left, say, or Emacs is ending, which is no
/// news and makes nothing wait.
void Engine::give_back(const outbox::Attempt& attempt, const Error& error) {
  outbox::AttemptEnd end;
  end.outcomes.assign(attempt.recipients.size(), outcome_of(error));
  end.cause = cause_name(error.cause);
  const bool ending = error.cause == Cause::cancelled;
  end.next_try = wall_clock() + (ending ? 0 : pause_after_failure);
  (void)outbox_->finish(attempt.id, end);
  if (!ending) sink_->post(Notice{error.message});
}

/// What is due and waits for a line needs no clock: a line that becomes free kicks.
void Engine::sleep_until_due(double now, bool all_started) {
  const auto next = outbox_->next_due(now);
  const auto others = outbox_->others_at_work();
  double until = all_started ? 0 : now + pause_after_failure;  // 0: never
  if (next && *next > 0) until = until > 0 ? std::min(until, *next) : *next;
  auto state = state_.lock();
  const auto awake = [&] { return state->kicked || state->stopping; };
  if (others && *others) {
    // Another Emacs has an attempt open; nothing waits for it should it die.
    const double look = wall_clock() + look_after_others;
    until = until > 0 ? std::min(until, look) : look;
  }
  if (until > 0) {
    state.wait_until(wall_time(until), awake);
  } else {
    state.wait(awake);
  }
  state->kicked = false;
}

/// Joins the workers that are done.
void Engine::reap() {
  std::list<Worker> done;
  {
    auto state = state_.lock();
    for (auto at = state->workers.begin(); at != state->workers.end();) {
      const auto next = std::next(at);
      if (*at->over) done.splice(done.end(), state->workers, at);
      at = next;
    }
  }
  for (Worker& worker : done) worker.thread.join();
}

/// Nothing that a library waits for may keep Emacs from ending: a worker that is not done by
/// DEADLINE is left alone, before the commit point (all waits of ours end by their Wake).
void Engine::join_or_abandon(Deadline deadline) {
  std::list<Worker> workers;
  {
    auto state = state_.lock();
    state.wait_until(std::chrono::system_clock::now() + (deadline.time() - SteadyClock::now()),
                     [&] {
                       return std::all_of(state->workers.begin(), state->workers.end(),
                                          [](const Worker& worker) { return worker.over->load(); });
                     });
    workers.swap(state->workers);
  }
  for (Worker& worker : workers) {
    if (*worker.over) {
      worker.thread.join();
    } else {
      abandoned_ = true;
      worker.thread.detach();
    }
  }
}

// --- line threads
// ------------------------------------------------------------------------------------

void Engine::work(const std::shared_ptr<Checkup>& checkup, EntryId number) {
  try {
    checkup->run();
  } catch (const std::exception& defect) {
    sink_->post(Notice{std::string("A defect of sendonce: ") + defect.what()});
    sink_->post(CheckEnded{number, checkup->transcript()});
  }
  state_.lock()->checkups.erase(number);
}

void Engine::work(const std::shared_ptr<Preconnect>& preconnect) {
  const std::string& key = preconnect->key();
  std::shared_ptr<LinePool::Resting> resting;
  Seconds span = ahead_span;
  try {
    if (auto line = preconnect->run()) {
      if (line->messages > 0) span = preconnect->settings().keep_alive;
      resting = lines_.put(key, std::move(*line));
    }
  } catch (const std::exception& defect) {
    sink_->post(Notice{std::string("A defect of sendonce: ") + defect.what()});
  }
  state_.lock()->ahead.erase(key);
  lines_.expect_no_more(key);
  if (resting) lines_.rest(resting, span);
}

/// A line that rests is at hand before anybody hears of its last message: who then sends another,
/// finds it.
void Engine::carry(const std::shared_ptr<Delivery>& first, const std::string& server) {
  Convoy convoy(surroundings(), *this, first);
  convoy.run();
  auto line = convoy.release();
  std::shared_ptr<LinePool::Resting> resting;
  if (line) resting = lines_.put(convoy.line_key(), std::move(*line));
  {
    auto state = state_.lock();
    if (--state->lines[server] == 0) state->lines.erase(server);
  }
  convoy.announce();
  kick();
  if (resting) lines_.rest(resting, convoy.keep_alive());
}

// --- for the convoys
// -----------------------------------------------------------------------------------

bool Engine::wants_more() { return !state_.lock()->stopping; }

std::shared_ptr<Delivery> Engine::join(outbox::Attempt attempt) {
  {
    auto state = state_.lock();
    if (!state->stopping) {
      const EntryId id = attempt.entry.id;
      state->fresh.erase(id);
      auto delivery = Delivery::make_follower(surroundings(), std::move(attempt));
      state->running.insert_or_assign(id, delivery);
      return delivery;
    }
  }
  give_back(attempt, Error{Cause::cancelled, Phase::none, "Emacs is ending", {}});
  return nullptr;
}

void Engine::over(const outbox::Attempt& attempt, const outbox::AttemptEnd& end) {
  {
    auto state = state_.lock();
    // The next attempt at it may run already: what is due at once follows on the same line.
    const auto found = state->running.find(attempt.entry.id);
    if (found != state->running.end() && found->second->attempt().id == attempt.id)
      state->running.erase(found);
    if (end.next_try > 0) state->kicked = true;
  }
  state_.notify();
  sink_->post(AttemptEnded{attempt.entry.id});
}

/// Barrier (3).
void Engine::record(const outbox::Attempt& attempt, const outbox::AttemptEnd& end) {
  bool told = false;
  for (;;) {
    const Status status = outbox_->finish(attempt.id, end);
    if (status) return;
    if (!told) {
      sink_->post(Notice{"The outcome of entry " + std::to_string(attempt.entry.id) +
                         " cannot be recorded: " + status.error().message +
                         ".  It is tried again until it can"});
    }
    told = true;
    if (!pause_unless_stopping()) return;  // the journal then says: in doubt
  }
}

/// A few seconds; false at once when the engine is to stop.
bool Engine::pause_unless_stopping() {
  auto state = state_.lock();
  return !state.wait_until(wall_time(wall_clock() + pause_after_failure),
                           [&] { return state->stopping; });
}

/// What policy adds to the verdicts: the next try, or giving up.
void Engine::plan(outbox::AttemptEnd& end, const outbox::Attempt& attempt) {
  Policy policy;
  bool stopping = false;
  {
    auto state = state_.lock();
    policy = state->policy;
    stopping = state->stopping;
  }
  const double now = wall_clock();
  const double age = now - attempt.entry.created;
  bool waits = false;
  for (outbox::Outcome& outcome : end.outcomes) {
    if (outcome.state != outbox::State::deferred) continue;
    if (age >= policy.give_up_after) {
      outcome.state = outbox::State::failed;
      outcome.reply += " (given up: unsent for too long)";
    } else {
      waits = true;
    }
  }
  if (!waits) return;
  if (stopping) {
    end.next_try = now;
  } else if (end.next_try == 0) {
    end.next_try =
        next_try(policy.schedule, attempt.entry.created, now, attempt.entry.attempts, now);
  }
  if (age >= policy.warn_after && !attempt.entry.warned) sink_->post(Late{attempt.entry.id});
}

}  // namespace sendonce::engine
