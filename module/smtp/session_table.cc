// The transition table of a session, and the actions it names.
//
// Rule 1: every state has a cell for every event; nothing falls through.
// Rule 2: an action settles recipients only by a reply that is theirs, or, when the session ends
// without one, by the commit point: passed is `in_doubt`, not passed is `not_tried`.

#include "smtp/session_table.hh"

#include <array>
#include <utility>

namespace sendonce::smtp {

using Verdict = RecipientOutcome::Verdict;

namespace {

RecipientOutcome by_reply(const Reply& reply) {
  const Verdict verdict = reply.reply_class() == 2   ? Verdict::accepted
                          : reply.reply_class() == 5 ? Verdict::refused
                                                     : Verdict::refused_for_now;
  return {verdict, reply, std::nullopt};
}

/// "Too many recipients" (RFC 5321 4.5.3.1.10, RFC 3463 X.5.3), not a mailbox or a disk that is
/// full.
bool too_many(const Reply& reply) {
  const auto enhanced = reply.enhanced();
  return reply.code == 452 && (!enhanced || *enhanced == EnhancedStatus{4, 5, 3});
}

Error refusal(const Reply& reply, State state) {
  const bool for_good = reply.reply_class() == 5;
  return Error{for_good ? Cause::refused : Cause::refused_for_now, phase_of(state),
               for_good ? "The server refuses" : "The server refuses for now", reply.summary()};
}

}  // namespace

struct Actions {
  // --- before a message
  static void say_hello(Session& s, const Reply&) {
    s.owed_.pop_front();
    s.say_hello();
  }

  static void read_capabilities(Session& s, const Reply& reply) {
    s.owed_.pop_front();
    s.capabilities_ = Capabilities::parse(reply);
    s.proceed();
  }

  /// A server that knows no EHLO gets HELO, unless TLS or sign-in, which need EHLO, are wanted.
  static void try_helo(Session& s, const Reply& reply) {
    const bool needs_ehlo = s.options_.tls == TlsMode::starttls || s.options_.sign_in;
    if (needs_ehlo || s.secure_) return s.finish(refusal(reply, State::ehlo));
    s.owed_.pop_front();
    s.say(command::helo(s.options_.local_name));
    s.expect(State::helo);
  }

  static void proceed(Session& s, const Reply&) {
    s.owed_.pop_front();
    s.proceed();
  }

  static void ask_tls(Session& s, const Reply&) {
    s.owed_.pop_front();
    if (s.refuses_clear_text()) return;
    s.capabilities_ = Capabilities{};
    s.resting_ = State::handshake;
  }

  static void go_without_tls(Session& s, const Reply& reply) {
    if (s.options_.tls != TlsMode::opportunistic) {
      Error error = refusal(reply, State::starttls);
      error.cause = Cause::tls_unavailable;
      error.message = "The server offers STARTTLS but does not start it";
      return s.finish(std::move(error));
    }
    s.owed_.pop_front();
    s.starttls_refused_ = true;
    s.proceed();
  }

  static void pass_challenge(Session& s, const Reply& reply) {
    s.owed_.pop_front();
    s.outputs_.emplace_back(Challenge{reply.lines.front()});
    s.resting_ = State::challenged;
  }

  static void signed_in(Session& s, const Reply& reply) {
    s.owed_.pop_front();
    s.signed_in_ = true;
    s.outputs_.emplace_back(SignInEnded{true, reply});
    if (!s.prove_sign_in_) return s.proceed();
    s.say(command::noop());
    s.expect(State::alive);
  }

  static void mechanism_refused(Session& s, const Reply& reply) {
    s.owed_.pop_front();
    s.outputs_.emplace_back(SignInEnded{false, reply});
    s.resting_ = State::sign_in;
  }

  // --- the envelope
  static void sender_accepted(Session& s, const Reply&) {
    s.owed_.pop_front();
    s.left_open_ = false;
    if (!s.pipelines()) s.say_next_recipient();
  }

  static void sender_refused(Session& s, const Reply& reply) {
    Message& message = s.messages_.front();
    RecipientOutcome outcome = by_reply(reply);
    if (s.left_open_ && reply.code == 503) {
      if (!message.committed) return mistaken(s, reply);
      outcome.verdict = Verdict::refused_for_now;
    }
    s.owed_.pop_front();
    message.sender_refused = true;
    message.settle_rest(outcome);
    if (!s.pipelines()) s.end_message(s.messages_.front());
  }

  /// The server still has the envelope of the message before, which nobody took: this one would go
  /// by that.  It is not completed.
  static void mistaken(Session& s, const Reply& reply) {
    Error error{Cause::protocol, Phase::mail,
                "The server has not forgotten the message before, which it refused",
                reply.summary()};
    s.settle_all(error);
    s.finish(std::move(error));
  }

  static void recipient_accepted(Session& s, const Reply&) {
    Message& message = s.messages_.front();
    if (message.sender_refused) message.taken_all_the_same.push_back(s.owed_.front().recipient);
    s.owed_.pop_front();
    ++message.taken;
    s.recipient_answered();
  }

  /// After a refused MAIL the replies to RCPT say nothing of the recipient: it is settled already.
  static void recipient_refused(Session& s, const Reply& reply) {
    const std::size_t recipient = s.owed_.front().recipient;
    s.owed_.pop_front();
    Message& message = s.messages_.front();
    if (!message.outcomes[recipient]) {
      message.outcomes[recipient] = by_reply(reply);
      if (too_many(reply) && message.taken > 0)
        message.outcomes[recipient]->verdict = Verdict::next_time;
    }
    s.recipient_answered();
  }

  // --- the message
  /// With nobody to receive it a lone dot ends what 354 began (RFC 2920 3.1).
  static void open_body(Session& s, const Reply&) {
    s.owed_.pop_front();
    if (s.messages_.front().unsettled().empty()) {
      s.say(".\r\n");
      return s.expect(State::void_end);
    }
    s.resting_ = State::body;
  }

  static void data_refused(Session& s, const Reply& reply) {
    s.owed_.pop_front();
    s.messages_.front().settle_rest(by_reply(reply));
    s.end_message(s.messages_.front());
    s.say(command::rset());
    s.expect(State::rset);
  }

  static void chunk_taken(Session& s, const Reply&) { s.owed_.pop_front(); }

  /// Before the commit point the rest is not sent, and the line is of no more use.  After it the
  /// reply to the last chunk has the say: a server that takes that one has taken the message.
  static void chunk_refused(Session& s, const Reply& reply) {
    if (!s.messages_.front().committed) return refused_and_over(s, reply);
    s.owed_.pop_front();
  }

  static void message_settled(Session& s, const Reply& reply) {
    s.owed_.pop_front();
    Message& message = s.messages_.front();
    message.settle_rest(by_reply(reply));
    message.doubt_refusal_of_sender();
    s.end_message(message);
  }

  /// A server may refuse the last chunk (as it does when it has refused all recipients) and keep
  /// the envelope all the same.  RSET takes it back, now or with the next envelope; where that one
  /// is said already, it shows in the reply to it.
  static void message_refused(Session& s, const Reply& reply) {
    s.owed_.pop_front();
    Message& message = s.messages_.front();
    s.left_open_ = message.counted;
    message.settle_rest(by_reply(reply));
    s.end_message(message);
    if (!s.left_open_ || !s.messages_.empty() || s.pipelines()) return;
    s.say(command::rset());
    s.expect(State::rset);
  }

  static void nobody_served(Session& s, const Reply&) {
    s.owed_.pop_front();
    s.end_message(s.messages_.front());
  }

  static void rested(Session& s, const Reply&) {
    s.owed_.pop_front();
    s.left_open_ = false;
  }

  /// Where a message follows at once, the reply to its MAIL shows what that means.
  static void reset_refused(Session& s, const Reply& reply) {
    if (s.messages_.empty()) return refused_and_over(s, reply);
    s.owed_.pop_front();
  }

  // --- the end
  /// The reply ends message (if one is under way) and session; of others it says nothing.
  static void refused_and_over(Session& s, const Reply& reply) {
    Error error = refusal(reply, s.state());
    if (!s.messages_.empty()) {
      s.messages_.front().settle_rest(by_reply(reply));
      s.end_message(s.messages_.front());
    }
    s.settle_all(error);
    s.finish(std::move(error));
  }

  /// The server has closed the line as its 421 said, and with that has not taken the message.
  static bool has_parted(const Session& s) {
    return s.farewell_ && s.error_ && s.error_->cause == Cause::connection_lost &&
           !s.messages_.empty() && s.messages_.front().number == s.farewell_->message;
  }

  /// No reply decides any more: rule 2.
  static void give_up(Session& s, const Reply& reply) {
    if (has_parted(s)) return refused_and_over(s, s.farewell_->reply);
    std::optional<Error> error = std::exchange(s.error_, std::nullopt);
    if (!error) {
      error = Error{Cause::protocol, phase_of(s.state()),
                    "The server gave a reply that fits no command", reply.summary()};
    }
    s.settle_all(error);
    s.finish(std::move(error));
  }

  static void part(Session& s, const Reply&) { s.finish(std::nullopt); }
};

namespace {

#define CELL(next, action) \
  Transition { next, #action, &Actions::action }

constexpr State ended = State::ended;

// The cells of a state, in the order of Event: positive, intermediate, transient, permanent,
// closing, early, garbage, lost.
using Row = std::array<Transition, event_count>;

// A state in which no reply is owed: only the end can come.
const Row unasked = {CELL(ended, give_up), CELL(ended, give_up),          CELL(ended, give_up),
                     CELL(ended, give_up), CELL(ended, refused_and_over), CELL(ended, give_up),
                     CELL(ended, give_up), CELL(ended, give_up)};

const std::array<Row, state_count> table = {{
    // greeting
    {CELL(State::ehlo, say_hello), CELL(ended, give_up), CELL(ended, refused_and_over),
     CELL(ended, refused_and_over), CELL(ended, refused_and_over), CELL(ended, give_up),
     CELL(ended, give_up), CELL(ended, give_up)},
    // ehlo
    {CELL(follows, read_capabilities), CELL(ended, give_up), CELL(ended, refused_and_over),
     CELL(follows, try_helo), CELL(ended, refused_and_over), CELL(ended, give_up),
     CELL(ended, give_up), CELL(ended, give_up)},
    // helo
    {CELL(follows, proceed), CELL(ended, give_up), CELL(ended, refused_and_over),
     CELL(ended, refused_and_over), CELL(ended, refused_and_over), CELL(ended, give_up),
     CELL(ended, give_up), CELL(ended, give_up)},
    // starttls
    {CELL(State::handshake, ask_tls), CELL(ended, give_up), CELL(follows, go_without_tls),
     CELL(follows, go_without_tls), CELL(ended, refused_and_over), CELL(ended, give_up),
     CELL(ended, give_up), CELL(ended, give_up)},
    // auth
    {CELL(follows, signed_in), CELL(State::challenged, pass_challenge),
     CELL(State::sign_in, mechanism_refused), CELL(State::sign_in, mechanism_refused),
     CELL(ended, refused_and_over), CELL(ended, give_up), CELL(ended, give_up),
     CELL(ended, give_up)},
    // alive: any answer shows that the line lives
    {CELL(follows, proceed), CELL(ended, give_up), CELL(follows, proceed), CELL(follows, proceed),
     CELL(ended, refused_and_over), CELL(ended, give_up), CELL(ended, give_up),
     CELL(ended, give_up)},
    // mail
    {CELL(State::rcpt, sender_accepted), CELL(ended, give_up), CELL(follows, sender_refused),
     CELL(follows, sender_refused), CELL(ended, refused_and_over), CELL(ended, give_up),
     CELL(ended, give_up), CELL(ended, give_up)},
    // rcpt
    {CELL(follows, recipient_accepted), CELL(ended, give_up), CELL(follows, recipient_refused),
     CELL(follows, recipient_refused), CELL(ended, refused_and_over), CELL(ended, give_up),
     CELL(ended, give_up), CELL(ended, give_up)},
    // data
    {CELL(ended, give_up), CELL(follows, open_body), CELL(State::rset, data_refused),
     CELL(State::rset, data_refused), CELL(ended, refused_and_over), CELL(ended, give_up),
     CELL(ended, give_up), CELL(ended, give_up)},
    // chunk
    {CELL(follows, chunk_taken), CELL(ended, give_up), CELL(follows, chunk_refused),
     CELL(follows, chunk_refused), CELL(ended, refused_and_over), CELL(ended, refused_and_over),
     CELL(ended, give_up), CELL(ended, give_up)},
    // end_of_data
    {CELL(State::idle, message_settled), CELL(ended, give_up), CELL(follows, message_refused),
     CELL(follows, message_refused), CELL(ended, refused_and_over), CELL(ended, refused_and_over),
     CELL(ended, give_up), CELL(ended, give_up)},
    // void_end
    {CELL(State::idle, nobody_served), CELL(ended, give_up), CELL(State::idle, nobody_served),
     CELL(State::idle, nobody_served), CELL(ended, refused_and_over), CELL(ended, give_up),
     CELL(ended, give_up), CELL(ended, give_up)},
    // rset
    {CELL(follows, rested), CELL(ended, give_up), CELL(follows, reset_refused),
     CELL(follows, reset_refused), CELL(ended, refused_and_over), CELL(ended, give_up),
     CELL(ended, give_up), CELL(ended, give_up)},
    // quit
    {CELL(ended, part), CELL(ended, part), CELL(ended, part), CELL(ended, part), CELL(ended, part),
     CELL(ended, part), CELL(ended, part), CELL(ended, part)},
    unasked,  // handshake
    unasked,  // sign_in
    unasked,  // challenged
    unasked,  // idle
    // body
    {CELL(ended, give_up), CELL(ended, give_up), CELL(ended, give_up), CELL(ended, give_up),
     CELL(ended, refused_and_over), CELL(ended, refused_and_over), CELL(ended, give_up),
     CELL(ended, give_up)},
    unasked,  // ended: never consulted, since an ended session takes nothing more
}};

#undef CELL

constexpr std::array<std::string_view, state_count> state_names = {
    "greeting",  "ehlo",    "helo",       "starttls",    "auth",     "alive", "mail",
    "rcpt",      "data",    "chunk",      "end_of_data", "void_end", "rset",  "quit",
    "handshake", "sign_in", "challenged", "idle",        "body",     "ended"};

constexpr std::array<std::string_view, event_count> event_names = {
    "positive", "intermediate", "transient", "permanent", "closing", "early", "garbage", "lost"};

}  // namespace

const Transition& transition(State state, Event event) {
  return table.at(static_cast<std::size_t>(state)).at(static_cast<std::size_t>(event));
}

std::string_view state_name(State state) { return state_names.at(static_cast<std::size_t>(state)); }
std::string_view event_name(Event event) { return event_names.at(static_cast<std::size_t>(event)); }

std::string transition_text(State state, Event event) {
  const Transition& cell = transition(state, event);
  const std::string_view next = cell.next == state     ? "stay"
                                : cell.next == follows ? "follows"
                                                       : state_name(cell.next);
  return std::string(next) + ": " + std::string(cell.action);
}

bool fits(State state, int code) {
  switch (state) {
    case State::greeting:
    case State::starttls:
      return code == 220 || code >= 400;
    case State::auth:
      return code == 235 || code == 334 || code >= 400;
    case State::data:
      return code == 354 || code >= 400;
    default:
      return code < 300 || code >= 400;
  }
}

bool takes_early_refusal(State state) {
  return state == State::body || state == State::chunk || state == State::end_of_data;
}

Phase phase_of(State state) {
  switch (state) {
    case State::greeting:
      return Phase::greeting;
    case State::ehlo:
    case State::helo:
      return Phase::hello;
    case State::starttls:
      return Phase::starttls;
    case State::handshake:
      return Phase::tls;
    case State::auth:
    case State::alive:
    case State::sign_in:
    case State::challenged:
      return Phase::sign_in;
    case State::mail:
      return Phase::mail;
    case State::rcpt:
      return Phase::recipients;
    case State::data:
      return Phase::data;
    case State::body:
    case State::chunk:
      return Phase::body;
    case State::end_of_data:
    case State::void_end:
      return Phase::end_of_data;
    case State::rset:
      return Phase::reset;
    case State::quit:
      return Phase::quit;
    case State::idle:
    case State::ended:
      return Phase::none;
  }
  return Phase::none;
}

}  // namespace sendonce::smtp
