// One message through a session: envelope, body, commit point, outcomes.

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.hh"

#include "smtp/session.hh"

namespace sendonce::smtp {

namespace {

/// A message up to this size goes out in one flight with its envelope where PIPELINING and CHUNKING
/// allow; a larger one waits for the recipients' replies, lest megabytes go to nobody.
constexpr std::uint64_t first_flight_limit = 65536;

/// The last piece that is sent after the commit barrier: one TLS record.  What comes before it goes
/// out earlier, so that the time between barrier and commit point is short on a slow line.
constexpr std::size_t commit_piece = 16384;

RecipientOutcome cannot_be_sent(Cause cause, std::string message) {
  return {RecipientOutcome::Verdict::refused, std::nullopt,
          Error{cause, Phase::mail, std::move(message), {}}};
}

std::string domain_of(const Address& address) {
  return ascii_lower(address.text().substr(address.text().rfind('@') + 1));
}

RecipientOutcome next_time(std::string_view what, std::uint64_t limit) {
  return {RecipientOutcome::Verdict::next_time, std::nullopt,
          Error{Cause::refused_for_now,
                Phase::recipients,
                "The server takes at most " + std::to_string(limit) + " " + std::string(what) +
                    " with one message; this one goes with the next",
                {}}};
}

RecipientOutcome needs_smtputf8(const Address& address) {
  return cannot_be_sent(
      Cause::needs_smtputf8,
      "The server does not take the address " + address.text() + ", which is not ASCII (SMTPUTF8)");
}

/// To send it all the same is what RFC 6152 section 3 forbids: the eighth bit may be lost on the
/// way, and the text with it.
RecipientOutcome needs_8bitmime() {
  return cannot_be_sent(Cause::needs_8bitmime,
                        "The message has 8-bit text, and the server takes only 7-bit (8BITMIME)");
}

RecipientOutcome too_large(std::uint64_t octets, std::uint64_t limit) {
  return cannot_be_sent(Cause::too_large, "The message has " + std::to_string(octets) +
                                              " octets, and the server takes at most " +
                                              std::to_string(limit));
}

}  // namespace

MessageNumber Session::begin(Envelope envelope) {
  Message& message = messages_.emplace_back();
  message.number = ++last_number_;
  message.outcomes.resize(envelope.recipients.size());
  message.envelope = std::move(envelope);
  if (resting_ == State::ended) {
    refuse_after_end();
  } else {
    refuse_beforehand();
    keep_to_limits();
    message.to_say = message.unsettled();
    message.to_say.empty() ? end_message(message) : say_envelope();
  }
  return last_number_;
}

void Session::say_envelope() {
  Message& message = messages_.back();
  message.counted = options_.chunking && capabilities_.chunking;
  message.encoder = BodyEncoder(message.counted ? Framing::counted : Framing::dots);
  if (left_open_ && messages_.size() == 1) {
    say(command::rset());
    expect(State::rset);
  }
  say_mail();
  if (!pipelines()) return;
  while (message.said < message.to_say.size()) say_next_recipient();
  if (!message.counted || goes_in_one_flight(message.envelope.facts)) ask_for_body();
}

bool Session::takes_another(const BodyFacts& facts) const {
  if (!outputs_.empty()) return false;
  if (messages_.empty()) return state() == State::idle;
  const bool said_whole = resting_ == State::idle && messages_.back().completes_at.has_value();
  if (!pipelines() || withdrawn_ || !said_whole) return false;
  if (messages_.size() < options_.window) return true;
  return messages_.size() == options_.window && !goes_in_one_flight(facts);
}

/// The line may have ended since the owner last looked.
void Session::refuse_after_end() {
  messages_.back().settle_rest({RecipientOutcome::Verdict::not_tried, std::nullopt, error_});
  end_message(messages_.back());
  resting_ = State::ended;
}

/// What the server's capabilities rule out is settled without a word to it.
void Session::refuse_beforehand() {
  Message& message = messages_.back();
  const Envelope& envelope = message.envelope;
  const std::uint64_t limit = capabilities_.size_limit;
  if (limit != 0 && envelope.facts.octets > limit)
    message.settle_rest(too_large(envelope.facts.octets, limit));
  if (envelope.facts.eight_bit && !capabilities_.eight_bit_mime)
    message.settle_rest(needs_8bitmime());
  if (capabilities_.smtputf8) return;
  if (envelope.sender.is_international()) message.settle_rest(needs_smtputf8(envelope.sender));
  for (std::size_t i = 0; i < envelope.recipients.size(); ++i) {
    const Address& recipient = envelope.recipients[i];
    if (recipient.is_international() && !message.outcomes[i])
      message.outcomes[i] = needs_smtputf8(recipient);
  }
}

/// RFC 9422: who is beyond RCPTMAX, or of one domain more than RCPTDOMAINMAX, goes another time.
void Session::keep_to_limits() {
  Message& message = messages_.back();
  std::set<std::string> domains;
  std::uint64_t named = 0;
  for (const std::size_t i : message.unsettled()) {
    if (capabilities_.recipient_max != 0 && named == capabilities_.recipient_max) {
      message.outcomes[i] = next_time("recipients", capabilities_.recipient_max);
      continue;
    }
    const std::string domain = domain_of(message.envelope.recipients[i]);
    const bool another = !domains.contains(domain);
    if (another && capabilities_.domain_max != 0 && domains.size() == capabilities_.domain_max) {
      message.outcomes[i] = next_time("domains", capabilities_.domain_max);
      continue;
    }
    domains.insert(domain);
    ++named;
  }
}

bool Session::pipelines() const { return options_.pipelining && capabilities_.pipelining; }

bool Session::goes_in_one_flight(const BodyFacts& facts) const {
  return pipelines() && options_.chunking && capabilities_.chunking &&
         facts.octets <= first_flight_limit;
}

/// No more than the window may pass the commit point before the first of them is answered.
bool Session::body_may_go() const {
  return resting_ == State::body && (owed_.empty() || pipelines()) &&
         messages_.size() <= options_.window;
}

/// Whose command is said now, or whose reply decides; 0: the line's own.
MessageNumber Session::saying() const { return messages_.empty() ? 0 : messages_.back().number; }

void Session::say_mail() {
  const Envelope& envelope = messages_.back().envelope;
  command::MailParameters parameters;
  if (capabilities_.size) parameters.size = envelope.facts.octets;
  parameters.eight_bit = envelope.facts.eight_bit && capabilities_.eight_bit_mime;
  parameters.utf8 =
      capabilities_.smtputf8 &&
      (envelope.facts.eight_bit_header || envelope.sender.is_international() ||
       std::any_of(envelope.recipients.begin(), envelope.recipients.end(),
                   [](const Address& address) { return address.is_international(); }));
  say(command::mail(envelope.sender, parameters));
  expect(State::mail);
}

void Session::say_next_recipient() {
  Message& message = messages_.back();
  const std::size_t recipient = message.to_say[message.said++];
  say(command::rcpt(message.envelope.recipients[recipient]));
  expect(State::rcpt, recipient);
}

void Session::recipient_answered() {
  Message& message = messages_.front();
  ++message.answered;
  if (message.answered == message.to_say.size()) return all_recipients_answered();
  if (!pipelines()) say_next_recipient();
}

void Session::all_recipients_answered() {
  Message& message = messages_.front();
  if (message.begun) return;  // the reply to DATA or BDAT decides
  if (!message.unsettled().empty()) {
    if (resting_ != State::body) ask_for_body();
    return;
  }
  end_message(message);
  say(command::rset());
  expect(State::rset);
}

/// DATA, whose 354 lets the body go; or, with BDAT, the body at once.
void Session::ask_for_body() {
  Message& message = messages_.back();
  if (message.counted) {
    resting_ = State::body;
    return;
  }
  message.begun = true;
  say(command::data());
  expect(State::data);
}

void Session::body(std::string_view bytes, bool last) {
  if (resting_ != State::body) return;
  std::string piece;
  BodyEncoder& encoder = messages_.back().encoder;
  encoder.encode(bytes, piece);
  if (last) {
    encoder.finish(piece);
    complete_body(piece);
  } else if (!piece.empty()) {
    say_body(std::move(piece));
  }
}

void Session::say_body(std::string piece) {
  Message& message = messages_.back();
  if (!message.counted) return say_content(std::move(piece));
  message.begun = true;
  say(command::bdat(piece.size(), false));
  say_content(std::move(piece));
  expect(State::chunk);
}

void Session::complete_body(const std::string& piece) {
  Message& message = messages_.back();
  message.begun = true;
  // "BDAT 0 LAST" completes the message all by itself, so that it too waits for the barrier.
  const bool head_completes = message.counted && piece.empty();
  if (message.counted && !head_completes) say(command::bdat(piece.size(), true));
  const std::size_t early = piece.size() > commit_piece ? piece.size() - commit_piece : 0;
  if (early > 0) say_content(piece.substr(0, early));
  outputs_.emplace_back(CommitFollows{message.unsettled()});
  if (head_completes) say(command::bdat(0, true));
  say_content(piece.substr(early), true);
  message.completes_at = said_;
  resting_ = State::idle;
  expect(State::end_of_data);
}

// --- outcomes
// ----------------------------------------------------------------------------------------

void Message::settle_rest(const RecipientOutcome& outcome) {
  for (const std::size_t recipient : unsettled()) outcomes[recipient] = outcome;
}

void Message::doubt_refusal_of_sender() {
  for (const std::size_t recipient : taken_all_the_same) {
    outcomes[recipient] = {RecipientOutcome::Verdict::in_doubt, std::nullopt,
                           Error{Cause::protocol,
                                 Phase::end_of_data,
                                 "The server refused the sender, and then took the message",
                                 {}}};
  }
}

std::vector<std::size_t> Message::unsettled() const {
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (!outcomes[i]) open.push_back(i);
  }
  return open;
}

/// No reply decides any more about any message: rule 2.
void Session::settle_all(const std::optional<Error>& error) {
  using Verdict = RecipientOutcome::Verdict;
  while (!messages_.empty()) {
    Message& message = messages_.front();
    message.settle_rest(
        {message.committed ? Verdict::in_doubt : Verdict::not_tried, std::nullopt, error});
    end_message(message);
  }
}

/// Told in the order of the messages: one that was refused unsaid waits for those before it.
void Session::end_message(Message& message) {
  message.done = true;
  while (!messages_.empty() && messages_.front().done) {
    TransactionEnded ended;
    for (auto& outcome : messages_.front().outcomes) ended.outcomes.push_back(std::move(*outcome));
    outputs_.emplace_back(std::move(ended));
    messages_.pop_front();
  }
  if (messages_.empty()) resting_ = State::idle;
}

}  // namespace sendonce::smtp
