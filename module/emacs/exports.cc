// The exported functions, and the fence: each is called by Emacs through `fenced`, which is
// noexcept and turns an Error (or an exception, which is a defect) into a Lisp condition.  Nothing
// passes it.

#include "emacs/exports.hh"

#include <exception>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "base/result.hh"
#include "emacs/event_queue.hh"
#include "emacs/lisp_spool.hh"
#include "emacs/lisp_values.hh"
#include "engine/engine.hh"
#include "net/host_name.hh"
#include "outbox/outbox.hh"

#ifndef SENDONCE_VERSION
#error "SENDONCE_VERSION is set by the build"
#endif

namespace sendonce::emacs {

namespace {

using Value = Result<emacs_value>;
using outbox::EntryId;

/// What the one user-pointer owns.
struct Holder {
  std::string directory;
  std::shared_ptr<EventQueue> queue;
  std::unique_ptr<engine::Engine> engine;
};

void release_holder(void* pointer) noexcept {
  std::unique_ptr<Holder> holder(static_cast<Holder*>(pointer));
  if (!holder->engine) return;
  holder->engine->stop(Milliseconds(0));
  if (holder->engine->abandoned()) (void)holder.release();  // a thread of it may still run
}

Result<Holder*> holder_of(const Env& env, emacs_value value) {
  emacs_env* raw = env.raw();
  const auto finalizer = raw->get_user_finalizer(raw, value);
  if (env.leaving() || finalizer != &release_holder) {
    return fail(Cause::internal, Phase::none, "Not an engine of this module");
  }
  return static_cast<Holder*>(raw->get_user_ptr(raw, value));
}

Result<engine::Engine*> engine_of(const Env& env, emacs_value value) {
  auto holder = holder_of(env, value);
  if (!holder) return fail(holder.error());
  if (!(*holder)->engine) return fail(Cause::internal, Phase::none, "The engine has been stopped");
  return (*holder)->engine.get();
}

// --- life
// --------------------------------------------------------------------------------------------

Value version(const Env& env, emacs_value*) { return env.text(SENDONCE_VERSION); }

Value domain(const Env& env, emacs_value* arguments) {
  const std::string typed = env.to_string(arguments[0]);
  if (env.leaving()) return env.nil();
  auto name = net::mail_domain(typed);
  if (!name) return fail(name.error());
  return env.text(*name);
}

Value start(const Env& env, emacs_value* arguments) {
  const std::string directory = env.to_string(arguments[0]);
  if (env.leaving()) return env.nil();
  auto outbox = outbox::Outbox::open(directory);
  if (!outbox) return fail(outbox.error());
  const int channel = env.raw()->open_channel(env.raw(), arguments[1]);
  if (env.leaving()) return env.nil();
  auto holder = std::make_unique<Holder>();
  holder->directory = directory;
  holder->queue = std::make_shared<EventQueue>(channel);
  holder->engine = std::make_unique<engine::Engine>(std::move(*outbox), holder->queue);
  return env.raw()->make_user_ptr(env.raw(), &release_holder, holder.release());
}

Value stop(const Env& env, emacs_value* arguments) {
  auto holder = holder_of(env, arguments[0]);
  if (!holder) return fail(holder.error());
  const double seconds = env.to_number(arguments[1]);
  if (env.leaving()) return env.nil();
  auto& engine = (*holder)->engine;
  if (!engine) return env.boolean(true);
  const bool ended = engine->stop(Milliseconds(static_cast<std::int64_t>(seconds * 1000)));
  // Now, not when Lisp collects its garbage: a file that is open cannot be removed everywhere.
  if (!engine->abandoned()) engine.reset();
  (*holder)->queue->channel().before_delete();
  return env.boolean(ended);
}

Result<engine::Schedule> schedule_of(const Env& env, emacs_value value) {
  using Kind = engine::Schedule::Kind;
  const std::vector<emacs_value> items = env.to_list(value);
  if (env.leaving() || items.empty())
    return fail(Cause::bad_argument, Phase::none, "The retry schedule is empty");
  const std::string kind = env.symbol_name(items[0]);
  engine::Schedule schedule;
  for (std::size_t i = 1; i < items.size(); ++i)
    schedule.intervals.push_back(env.to_number(items[i]));
  if (!schedule.intervals.empty()) schedule.number = schedule.intervals.front();
  if (kind == "quadratic") {
    schedule.kind = Kind::quadratic;
  } else if (kind == "constant") {
    schedule.kind = Kind::constant;
  } else if (kind == "list") {
    schedule.kind = Kind::list;
  } else {
    return fail(Cause::bad_argument, Phase::none, "No such retry schedule: " + kind);
  }
  return schedule;
}

Value configure(const Env& env, emacs_value* arguments) {
  auto engine = engine_of(env, arguments[0]);
  if (!engine) return fail(engine.error());
  auto schedule = schedule_of(env, env.element(arguments[1], 0));
  if (env.leaving()) return env.nil();
  if (!schedule) return fail(schedule.error());
  const double warn_after = env.to_number(env.element(arguments[1], 1));
  const double give_up_after = env.to_number(env.element(arguments[1], 2));
  if (env.leaving()) return env.nil();
  (*engine)->configure({std::move(*schedule), warn_after, give_up_after});
  return env.nil();
}

// --- sending
// -----------------------------------------------------------------------------------------

outbox::Submission submission_of(const Env& env, emacs_value vector) {
  outbox::Submission submission;
  submission.account = env.to_string_or_empty(env.element(vector, 0));
  submission.settings = env.to_string_or_empty(env.element(vector, 1));
  submission.sender = env.to_string_or_empty(env.element(vector, 2));
  for (emacs_value recipient : env.to_list(env.element(vector, 3))) {
    submission.recipients.push_back(env.to_string(recipient));
  }
  submission.message_id = env.to_string_or_empty(env.element(vector, 4));
  submission.subject = env.to_string_or_empty(env.element(vector, 5));
  submission.draft = env.to_string_or_empty(env.element(vector, 6));
  submission.fingerprint = env.to_string_or_empty(env.element(vector, 7));
  return submission;
}

Value enqueue(const Env& env, emacs_value* arguments) {
  auto engine = engine_of(env, arguments[0]);
  if (!engine) return fail(engine.error());
  const outbox::Submission submission = submission_of(env, arguments[1]);
  const std::string message = env.to_string(arguments[2]);
  if (env.leaving()) return env.nil();
  auto id = (*engine)->enqueue(submission, message);
  if (!id) return fail(id.error());
  return env.integer(*id);
}

Value spool(const Env& env, emacs_value* arguments) {
  auto holder = holder_of(env, arguments[0]);
  if (!holder) return fail(holder.error());
  const std::string boundary = env.to_string_or_empty(arguments[1]);
  if (env.leaving()) return env.nil();
  auto made = engine::LargeMessage::make((*holder)->directory, boundary);
  if (!made) return fail(made.error());
  return lisp_spool(env, std::move(*made));
}

Value spool_file(const Env& env, emacs_value* arguments) {
  auto spool = spool_of(env, arguments[0]);
  if (!spool) return fail(spool.error());
  return env.text((*spool)->spool().path());
}

Value spool_take(const Env& env, emacs_value* arguments) {
  auto spool = spool_of(env, arguments[0]);
  if (!spool) return fail(spool.error());
  if (auto status = (*spool)->take(!env.is_nil(arguments[1])); !status) return fail(status.error());
  return env.integer((*spool)->spool().octets());
}

Value spool_hash(const Env& env, emacs_value* arguments) {
  auto spool = spool_of(env, arguments[0]);
  if (!spool) return fail(spool.error());
  return env.text((*spool)->spool().hash());
}

Value stable_hash(const Env& env, emacs_value* arguments) {
  const std::string bytes = env.to_string(arguments[0]);
  outbox::StableHash hash(env.to_string_or_empty(arguments[1]));
  if (env.leaving()) return env.nil();
  hash.add(bytes);
  return env.text(hash.finish());
}

Value store(const Env& env, emacs_value* arguments) {
  auto engine = engine_of(env, arguments[0]);
  if (!engine) return fail(engine.error());
  const outbox::Submission submission = submission_of(env, arguments[1]);
  if (env.leaving()) return env.nil();
  auto spool = take_spool(env, arguments[2]);
  if (!spool) return fail(spool.error());
  spool->spool().close();
  auto number = (*engine)->store(submission, std::move(*spool));
  if (!number) return fail(number.error());
  return env.integer(*number);
}

Value events(const Env& env, emacs_value* arguments) {
  auto holder = holder_of(env, arguments[0]);
  if (!holder) return fail(holder.error());
  std::vector<emacs_value> all;
  for (const engine::Event& event : (*holder)->queue->take()) all.push_back(lisp_event(env, event));
  return env.list(all);
}

Value answer(const Env& env, emacs_value* arguments) {
  auto engine = engine_of(env, arguments[0]);
  if (!engine) return fail(engine.error());
  const engine::QuestionId question = env.to_integer(arguments[1]);
  if (env.leaving()) return env.nil();
  std::optional<Secret> given;
  if (!env.is_nil(arguments[2])) given = env.to_secret(arguments[2]);
  if (env.leaving()) return env.nil();
  (*engine)->answer(question, std::move(given));
  return env.nil();
}

Value check(const Env& env, emacs_value* arguments) {
  auto engine = engine_of(env, arguments[0]);
  if (!engine) return fail(engine.error());
  const std::string settings = env.to_string(arguments[1]);
  if (env.leaving()) return env.nil();
  auto number = (*engine)->check(settings);
  if (!number) return fail(number.error());
  return env.integer(*number);
}

Value open_ahead(const Env& env, emacs_value* arguments) {
  auto engine = engine_of(env, arguments[0]);
  if (!engine) return fail(engine.error());
  const std::string settings = env.to_string(arguments[1]);
  if (env.leaving()) return env.nil();
  if (auto status = (*engine)->open_ahead(settings); !status) return fail(status.error());
  return env.nil();
}

Value drop_ahead(const Env& env, emacs_value* arguments) {
  auto engine = engine_of(env, arguments[0]);
  if (!engine) return fail(engine.error());
  const std::string settings = env.to_string(arguments[1]);
  if (env.leaving()) return env.nil();
  (*engine)->drop_ahead(settings);
  return env.nil();
}

// --- looking
// -----------------------------------------------------------------------------------------

Value tally(const Env& env, emacs_value* arguments) {
  auto engine = engine_of(env, arguments[0]);
  if (!engine) return fail(engine.error());
  auto counted = (*engine)->outbox().tally(wall_clock());
  if (!counted) return fail(counted.error());
  return env.list(
      {env.integer(counted->unsent), env.integer(counted->in_doubt), env.integer(counted->busy)});
}

Value entries(const Env& env, emacs_value* arguments) {
  auto engine = engine_of(env, arguments[0]);
  if (!engine) return fail(engine.error());
  std::vector<emacs_value> all;
  if (env.is_nil(arguments[1])) {
    auto found = (*engine)->outbox().entries();
    if (!found) return fail(found.error());
    for (const outbox::Entry& entry : *found) all.push_back(lisp_entry(env, entry));
  } else {
    const EntryId id = env.to_integer(arguments[1]);
    if (env.leaving()) return env.nil();
    auto found = (*engine)->outbox().entry(id);
    if (!found) return fail(found.error());
    if (found->has_value()) all.push_back(lisp_entry(env, **found));
  }
  return env.list(all);
}

emacs_value id_or_nil(const Env& env, const std::optional<outbox::Entry>& entry) {
  return entry ? env.integer(entry->id) : env.nil();
}

Value find(const Env& env, emacs_value* arguments) {
  auto engine = engine_of(env, arguments[0]);
  if (!engine) return fail(engine.error());
  const std::string draft = env.to_string_or_empty(arguments[1]);
  const std::string fingerprint = env.to_string_or_empty(arguments[2]);
  if (env.leaving()) return env.nil();
  auto by_draft = (*engine)->outbox().find_draft(draft);
  if (!by_draft) return fail(by_draft.error());
  auto by_fingerprint = (*engine)->outbox().find_fingerprint(fingerprint);
  if (!by_fingerprint) return fail(by_fingerprint.error());
  return env.call("cons", {id_or_nil(env, *by_draft), id_or_nil(env, *by_fingerprint)});
}

Value message(const Env& env, emacs_value* arguments) {
  constexpr std::size_t piece_size = 1U << 20;
  auto engine = engine_of(env, arguments[0]);
  if (!engine) return fail(engine.error());
  const EntryId id = env.to_integer(arguments[1]);
  if (env.leaving()) return env.nil();
  std::string all;
  for (;;) {
    auto piece =
        (*engine)->outbox().read_message(id, static_cast<std::int64_t>(all.size()), piece_size);
    if (!piece) return fail(piece.error());
    if (piece->empty()) return env.bytes(all);
    all += *piece;
  }
}

Value transcript(const Env& env, emacs_value* arguments) {
  auto engine = engine_of(env, arguments[0]);
  if (!engine) return fail(engine.error());
  const EntryId id = env.to_integer(arguments[1]);
  if (env.leaving()) return env.nil();
  auto text = (*engine)->transcript(id);
  if (!text) return fail(text.error());
  return env.text(*text);
}

Value running(const Env& env, emacs_value* arguments) {
  auto engine = engine_of(env, arguments[0]);
  if (!engine) return fail(engine.error());
  const auto [attempts, committing] = (*engine)->running();
  return env.call("cons", {env.integer(attempts), env.integer(committing)});
}

Value integrity(const Env& env, emacs_value* arguments) {
  auto engine = engine_of(env, arguments[0]);
  if (!engine) return fail(engine.error());
  auto found = (*engine)->outbox().integrity();
  if (!found) return fail(found.error());
  return env.text(*found);
}

// --- acting on entries
// -------------------------------------------------------------------------------

Value flush(const Env& env, emacs_value* arguments) {
  auto engine = engine_of(env, arguments[0]);
  if (!engine) return fail(engine.error());
  std::optional<EntryId> id;
  if (!env.is_nil(arguments[1])) id = env.to_integer(arguments[1]);
  if (env.leaving()) return env.nil();
  auto count = (*engine)->flush(id);
  if (!count) return fail(count.error());
  return env.integer(*count);
}

Value cancel(const Env& env, emacs_value* arguments) {
  auto engine = engine_of(env, arguments[0]);
  if (!engine) return fail(engine.error());
  const EntryId id = env.to_integer(arguments[1]);
  if (env.leaving()) return env.nil();
  auto entirely = (*engine)->cancel(id);
  if (!entirely) return fail(entirely.error());
  return env.boolean(*entirely);
}

Value settle(const Env& env, emacs_value* arguments) {
  auto engine = engine_of(env, arguments[0]);
  if (!engine) return fail(engine.error());
  const EntryId id = env.to_integer(arguments[1]);
  const auto from = outbox::state_from_name(env.symbol_name(arguments[2]));
  const auto to = outbox::state_from_name(env.symbol_name(arguments[3]));
  if (env.leaving()) return env.nil();
  if (!from || !to) return fail(Cause::bad_argument, Phase::none, "No such state of a recipient");
  auto count = (*engine)->settle(id, *from, *to);
  if (!count) return fail(count.error());
  return env.integer(*count);
}

Value set_next_try(const Env& env, emacs_value* arguments) {
  auto engine = engine_of(env, arguments[0]);
  if (!engine) return fail(engine.error());
  const EntryId id = env.to_integer(arguments[1]);
  const double time = env.to_number(arguments[2]);
  if (env.leaving()) return env.nil();
  if (auto status = (*engine)->set_next_try(id, time); !status) return fail(status.error());
  return env.nil();
}

Value set_warned(const Env& env, emacs_value* arguments) {
  auto engine = engine_of(env, arguments[0]);
  if (!engine) return fail(engine.error());
  const EntryId id = env.to_integer(arguments[1]);
  if (env.leaving()) return env.nil();
  if (auto status = (*engine)->outbox().set_warned(id); !status) return fail(status.error());
  return env.nil();
}

Value forget_before(const Env& env, emacs_value* arguments) {
  auto engine = engine_of(env, arguments[0]);
  if (!engine) return fail(engine.error());
  const double time = env.to_number(arguments[1]);
  if (env.leaving()) return env.nil();
  auto count = (*engine)->outbox().forget_before(time);
  if (!count) return fail(count.error());
  return env.integer(*count);
}

// --- the fence
// ---------------------------------------------------------------------------------------

using Function = Value (*)(const Env&, emacs_value*);

template <Function function>
emacs_value fenced(emacs_env* raw, std::ptrdiff_t, emacs_value* arguments, void*) noexcept {
  const Env env(raw);
  try {
    const Value value = function(env, arguments);
    if (env.leaving()) return nullptr;
    if (value) return *value;
    env.signal(value.error());
  } catch (const std::exception& defect) {
    env.signal(Error{
        Cause::internal, Phase::none, std::string("A defect of sendonce: ") + defect.what(), {}});
  } catch (...) {
    env.signal(Error{Cause::internal, Phase::none, "A defect of sendonce", {}});
  }
  return nullptr;
}

struct Export {
  const char* name;
  std::ptrdiff_t arity;
  emacs_function function;
  const char* documentation;
};

constexpr Export exports[] = {
    {"sendonce--mod-version", 0, fenced<version>, "Version of the module.\n\n(fn)"},
    {"sendonce--mod-domain", 1, fenced<domain>, "Mail domain in A-labels.\n\n(fn DOMAIN)"},
    {"sendonce--mod-start", 2, fenced<start>,
     "Open the outbox, return the engine.\n\n(fn DIRECTORY PIPE)"},
    {"sendonce--mod-stop", 2, fenced<stop>, "End all that runs.\n\n(fn ENGINE SECONDS)"},
    {"sendonce--mod-configure", 2, fenced<configure>, "Set the policy.\n\n(fn ENGINE POLICY)"},
    {"sendonce--mod-enqueue", 3, fenced<enqueue>,
     "Take a message.\n\n(fn ENGINE SUBMISSION MESSAGE)"},
    {"sendonce--mod-spool", 2, fenced<spool>,
     "A place for a large message.\n\n(fn ENGINE BOUNDARY)"},
    {"sendonce--mod-spool-file", 1, fenced<spool_file>, "The file to be filled.\n\n(fn SPOOL)"},
    {"sendonce--mod-spool-take", 2, fenced<spool_take>,
     "Look at what was added.\n\n(fn SPOOL HASHED)"},
    {"sendonce--mod-spool-hash", 1, fenced<spool_hash>, "Hash of its body.\n\n(fn SPOOL)"},
    {"sendonce--mod-stable-hash", 2, fenced<stable_hash>, "Hash of a body.\n\n(fn BYTES BOUNDARY)"},
    {"sendonce--mod-store", 3, fenced<store>,
     "Take a large message.\n\n(fn ENGINE SUBMISSION SPOOL)"},
    {"sendonce--mod-events", 1, fenced<events>, "Take what happened.\n\n(fn ENGINE)"},
    {"sendonce--mod-answer", 3, fenced<answer>,
     "Answer a question.\n\n(fn ENGINE QUESTION ANSWER)"},
    {"sendonce--mod-check", 2, fenced<check>, "Check an account.\n\n(fn ENGINE SETTINGS)"},
    {"sendonce--mod-open-ahead", 2, fenced<open_ahead>,
     "Open a line ahead.\n\n(fn ENGINE SETTINGS)"},
    {"sendonce--mod-drop-ahead", 2, fenced<drop_ahead>,
     "End unused lines.\n\n(fn ENGINE SETTINGS)"},
    {"sendonce--mod-tally", 1, fenced<tally>, "Count what is not at rest.\n\n(fn ENGINE)"},
    {"sendonce--mod-entries", 2, fenced<entries>, "List entries.\n\n(fn ENGINE ID)"},
    {"sendonce--mod-find", 3, fenced<find>, "Find an entry.\n\n(fn ENGINE DRAFT FINGERPRINT)"},
    {"sendonce--mod-message", 2, fenced<message>, "Stored bytes.\n\n(fn ENGINE ID)"},
    {"sendonce--mod-transcript", 2, fenced<transcript>, "Transcript so far.\n\n(fn ENGINE ID)"},
    {"sendonce--mod-running", 1, fenced<running>, "What runs.\n\n(fn ENGINE)"},
    {"sendonce--mod-integrity", 1, fenced<integrity>, "Check the outbox file.\n\n(fn ENGINE)"},
    {"sendonce--mod-flush", 2, fenced<flush>, "Try now.\n\n(fn ENGINE ID)"},
    {"sendonce--mod-cancel", 2, fenced<cancel>, "Withdraw.\n\n(fn ENGINE ID)"},
    {"sendonce--mod-settle", 4, fenced<settle>, "Settle recipients.\n\n(fn ENGINE ID FROM TO)"},
    {"sendonce--mod-set-next-try", 3, fenced<set_next_try>, "Set next try.\n\n(fn ENGINE ID TIME)"},
    {"sendonce--mod-set-warned", 2, fenced<set_warned>, "Remember a warning.\n\n(fn ENGINE ID)"},
    {"sendonce--mod-forget-before", 2, fenced<forget_before>,
     "Forget old ones.\n\n(fn ENGINE TIME)"},
};

}  // namespace

void define_functions(const Env& env) {
  emacs_env* raw = env.raw();
  for (const Export& one : exports) {
    emacs_value function =
        raw->make_function(raw, one.arity, one.arity, one.function, one.documentation, nullptr);
    env.call("defalias", {env.symbol(one.name), function});
  }
}

}  // namespace sendonce::emacs
