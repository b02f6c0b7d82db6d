// The dialogue of a session: greeting, EHLO, STARTTLS, sign-in, replies to their commands.
// The message itself is in session_message.cc, the table of transitions in session_table.cc.

#include "smtp/session.hh"

#include <algorithm>
#include <utility>

#include "smtp/session_table.hh"

namespace sendonce::smtp {

Session::Session(SessionOptions options) : options_(std::move(options)) {
  if (options_.tls == TlsMode::implicit) {
    resting_ = State::handshake;
    outputs_.emplace_back(StartTls{});
  } else {
    expect(State::greeting);
  }
}

State Session::state() const { return owed_.empty() ? resting_ : owed_.front().state; }

// --- what to do next
// ---------------------------------------------------------------------------------

Output Session::next() {
  if (!outputs_.empty()) {
    Output output = std::move(outputs_.front());
    outputs_.pop_front();
    return output;
  }
  if (body_may_go()) return NeedBody{};
  if (!owed_.empty()) return NeedInput{phase_of(owed_.front().state)};
  return rest();
}

Output Session::rest() {
  switch (resting_) {
    case State::handshake:
      return StartTls{};
    case State::sign_in:
      return NeedSignIn{};
    case State::idle:
      return Ready{};
    default:
      return Ended{error_};
  }
}

void Session::expect(State state, std::size_t recipient) {
  owed_.push_back(Owed{state, recipient, said_, saying()});
}

void Session::say(std::string bytes) {
  said_ += bytes.size();
  outputs_.emplace_back(Send{std::move(bytes), false, false, saying()});
}

void Session::say_content(std::string bytes, bool completes) {
  said_ += bytes.size();
  outputs_.emplace_back(Send{std::move(bytes), completes, true, saying()});
}

void Session::say_secret(Secret bytes, std::string shown) {
  said_ += bytes.size();
  outputs_.emplace_back(SendSecret{std::move(bytes), std::move(shown)});
}

void Session::sent(std::size_t count) {
  sent_ += count;
  for (Message& message : messages_) {
    if (message.completes_at && sent_ >= *message.completes_at) message.committed = true;
  }
}

bool Session::committed() const {
  return std::any_of(messages_.begin(), messages_.end(),
                     [](const Message& message) { return message.committed; });
}

// --- replies
// -----------------------------------------------------------------------------------------

void Session::receive(std::string_view bytes) {
  if (resting_ == State::ended || bytes.empty()) return;
  if (!parser_.has_leftover()) sent_before_reply_ = sent_;
  parser_.feed(bytes);
  while (resting_ != State::ended) {
    auto reply = parser_.next();
    if (!reply) {
      error_ = reply.error();
      error_->phase = phase_of(state());
      return happen(Event::garbage, Reply{});
    }
    if (!reply->has_value()) return;
    take_reply(**reply);
    sent_before_reply_ = sent_;
  }
}

void Session::take_reply(const Reply& reply) {
  ++replies_;
  const Event event = event_of(reply);
  if (reply.code == 421 && event == Event::transient)
    farewell_ = Farewell{reply, messages_.front().number};
  if (event == Event::garbage) {
    error_ = Error{Cause::protocol, phase_of(state()),
                   "The server gave a reply that fits no command", reply.summary()};
  }
  happen(event, reply);
}

/// Was the command handed over before the first octet of the reply was read?
bool Session::was_asked() const {
  return !owed_.empty() && owed_.front().asked_at <= sent_before_reply_;
}

/// Would a 421 now answer a command of a message that the server may have as a whole?  Then it is
/// the word on that command only: that the server takes no more shows when the line ends.
bool Session::is_farewell() const {
  return was_asked() && owed_.front().state != State::end_of_data && !messages_.empty() &&
         messages_.front().committed;
}

Event Session::event_of(const Reply& reply) const {
  if (reply.code == 421) return is_farewell() ? Event::transient : Event::closing;
  const int reply_class = reply.reply_class();
  if (!was_asked()) {
    return reply_class >= 4 && takes_early_refusal(state()) ? Event::early : Event::garbage;
  }
  if (!fits(state(), reply.code)) return Event::garbage;
  // The answer to "*" is a refusal (RFC 4954 section 4); a server that asks on would do so for
  // ever.
  if (auth_aborted_ && reply_class == 3) return Event::garbage;
  switch (reply_class) {
    case 2:
      return Event::positive;
    case 3:
      return Event::intermediate;
    case 4:
      return Event::transient;
    default:
      return Event::permanent;
  }
}

void Session::happen(Event event, const Reply& reply) {
  const Transition& cell = transition(state(), event);
  cell.run(*this, reply);
  if (cell.next == State::ended) resting_ = State::ended;
  if (farewell_ && messages_.empty() && state() == State::idle) finish(std::nullopt);
  if (withdrawn_ && messages_.size() == 1) lost(*std::exchange(withdrawn_, std::nullopt));
}

void Session::lost(Error why) {
  if (resting_ == State::ended) return;
  error_ = std::move(why);
  happen(Event::lost, Reply{});
}

void Session::withdraw(Error why) {
  if (messages_.size() <= 1) return lost(std::move(why));
  const MessageNumber number = messages_.back().number;
  drop_unsaid();
  std::erase_if(owed_, [number](const Owed& owed) { return owed.message == number; });
  messages_.back().completes_at.reset();
  resting_ = State::idle;  // no more of its body is asked for
  withdrawn_ = std::move(why);
}

/// Nothing more is said; what was to be said is dropped.
void Session::finish(std::optional<Error> error) {
  drop_unsaid();
  owed_.clear();
  error_ = std::move(error);
  resting_ = State::ended;
}

void Session::drop_unsaid() {
  std::erase_if(outputs_, [](const Output& output) {
    return !std::holds_alternative<TransactionEnded>(output) &&
           !std::holds_alternative<SignInEnded>(output);
  });
}

// --- hello, TLS, sign-in
// -----------------------------------------------------------------------------

void Session::say_hello() {
  capabilities_ = Capabilities{};
  say(command::ehlo(options_.local_name));
  expect(State::ehlo);
}

/// After EHLO or HELO: what the options still want before a message can go.
void Session::proceed() {
  const bool may_start_tls =
      !secure_ && (options_.tls == TlsMode::starttls ||
                   (options_.tls == TlsMode::opportunistic && !starttls_refused_));
  if (may_start_tls && capabilities_.starttls) {
    say(command::starttls());
    return expect(State::starttls);
  }
  if (!secure_ && options_.tls == TlsMode::starttls) {
    return finish(
        Error{Cause::tls_unavailable, Phase::starttls, "The server does not offer STARTTLS", {}});
  }
  resting_ = options_.sign_in && !signed_in_ ? State::sign_in : State::idle;
}

/// Clear text that nobody asked for, and that would be read as if TLS had brought it, was put there
/// by somebody else (RFC 3207; "STARTTLS injection").
bool Session::refuses_clear_text() {
  if (!parser_.has_leftover()) return false;
  finish(Error{Cause::protocol,
               Phase::starttls,
               "Clear text came after the reply to STARTTLS; somebody may be tampering",
               {}});
  return true;
}

void Session::tls_established() {
  if (state() != State::handshake || refuses_clear_text()) return;
  secure_ = true;
  if (options_.tls == TlsMode::implicit) return expect(State::greeting);
  say_hello();
}

void Session::authenticate(const MechanismName& mechanism, const std::optional<Secret>& initial,
                           bool prove) {
  if (state() != State::sign_in) return;
  prove_sign_in_ = prove;
  auth_aborted_ = false;
  const std::string shown = "AUTH " + mechanism.text() + (initial ? " <redacted>" : "");
  say_secret(command::auth(mechanism, initial), shown);
  expect(State::auth);
}

void Session::respond(const Secret& response) {
  if (state() != State::challenged) return;
  say_secret(command::auth_response(response), "<redacted>");
  expect(State::auth);
}

void Session::abort_auth() {
  if (state() != State::challenged) return;
  auth_aborted_ = true;
  say(command::auth_abort());
  expect(State::auth);
}

void Session::skip_sign_in() {
  if (state() == State::sign_in) resting_ = State::idle;
}

void Session::probe() {
  if (state() != State::idle) return;
  say(command::noop());
  expect(State::alive);
}

void Session::quit() {
  if (state() != State::idle) return;
  say(command::quit());
  expect(State::quit);
}

}  // namespace sendonce::smtp
