// One message through a session: envelope, body, commit point, outcomes.

#include <algorithm>
#include <utility>

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

void Session::begin(Envelope envelope) {
  message_.emplace();
  message_->outcomes.resize(envelope.recipients.size());
  message_->envelope = std::move(envelope);
  committed_ = false;
  if (resting_ == State::ended) return refuse_after_end();
  refuse_beforehand();
  message_->to_say = unsettled();
  if (message_->to_say.empty()) return end_message();
  message_->counted = options_.chunking && capabilities_.chunking;
  message_->encoder = BodyEncoder(message_->counted ? Framing::counted : Framing::dots);
  say_mail();
  if (!pipelines()) return;
  while (message_->said < message_->to_say.size()) say_next_recipient();
  if (!message_->counted || fits_first_flight()) ask_for_body();
}

/// The line may have ended since the owner last looked.
void Session::refuse_after_end() {
  settle_rest({RecipientOutcome::Verdict::not_tried, std::nullopt, error_});
  end_message();
  resting_ = State::ended;
}

/// What the server's capabilities rule out is settled without a word to it.
void Session::refuse_beforehand() {
  const Envelope& envelope = message_->envelope;
  const std::uint64_t limit = capabilities_.size_limit;
  if (limit != 0 && envelope.facts.octets > limit)
    settle_rest(too_large(envelope.facts.octets, limit));
  if (envelope.facts.eight_bit && !capabilities_.eight_bit_mime) settle_rest(needs_8bitmime());
  if (capabilities_.smtputf8) return;
  if (envelope.sender.is_international()) settle_rest(needs_smtputf8(envelope.sender));
  for (std::size_t i = 0; i < envelope.recipients.size(); ++i) {
    const Address& recipient = envelope.recipients[i];
    if (recipient.is_international() && !message_->outcomes[i])
      settle(i, needs_smtputf8(recipient));
  }
}

bool Session::pipelines() const { return options_.pipelining && capabilities_.pipelining; }

bool Session::fits_first_flight() const {
  return message_->counted && message_->envelope.facts.octets <= first_flight_limit;
}

void Session::say_mail() {
  const Envelope& envelope = message_->envelope;
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
  const std::size_t recipient = message_->to_say[message_->said++];
  say(command::rcpt(message_->envelope.recipients[recipient]));
  expect(State::rcpt, recipient);
}

void Session::recipient_answered() {
  ++message_->answered;
  if (message_->answered == message_->to_say.size()) return all_recipients_answered();
  if (!pipelines()) say_next_recipient();
}

void Session::all_recipients_answered() {
  if (message_->begun) return;  // the reply to DATA or BDAT decides
  if (!unsettled().empty()) {
    if (resting_ != State::body) ask_for_body();
    return;
  }
  end_message();
  say(command::rset());
  expect(State::rset);
}

/// DATA, whose 354 lets the body go; or, with BDAT, the body at once.
void Session::ask_for_body() {
  if (message_->counted) {
    resting_ = State::body;
    return;
  }
  message_->begun = true;
  say(command::data());
  expect(State::data);
}

void Session::body(std::string_view bytes, bool last) {
  if (resting_ != State::body) return;
  std::string piece;
  message_->encoder.encode(bytes, piece);
  if (last) {
    message_->encoder.finish(piece);
    complete_body(piece);
  } else if (!piece.empty()) {
    say_body(std::move(piece));
  }
}

void Session::say_body(std::string piece) {
  if (!message_->counted) return say_content(std::move(piece));
  message_->begun = true;
  say(command::bdat(piece.size(), false));
  say_content(std::move(piece));
  expect(State::chunk);
}

void Session::complete_body(const std::string& piece) {
  message_->begun = true;
  // "BDAT 0 LAST" completes the message all by itself, so that it too waits for the barrier.
  const bool head_completes = message_->counted && piece.empty();
  if (message_->counted && !head_completes) say(command::bdat(piece.size(), true));
  const std::size_t early = piece.size() > commit_piece ? piece.size() - commit_piece : 0;
  if (early > 0) say_content(piece.substr(0, early));
  outputs_.emplace_back(CommitFollows{unsettled()});
  if (head_completes) say(command::bdat(0, true));
  say_content(piece.substr(early), true);
  message_->completes_at = said_;
  resting_ = State::idle;
  expect(State::end_of_data);
}

// --- outcomes
// ----------------------------------------------------------------------------------------

void Session::settle(std::size_t recipient, const RecipientOutcome& outcome) {
  message_->outcomes[recipient] = outcome;
}

void Session::settle_rest(const RecipientOutcome& outcome) {
  for (const std::size_t recipient : unsettled()) settle(recipient, outcome);
}

/// Those about whom nothing is decided yet, in the order of the envelope.
std::vector<std::size_t> Session::unsettled() const {
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < message_->outcomes.size(); ++i) {
    if (!message_->outcomes[i]) open.push_back(i);
  }
  return open;
}

void Session::end_message() {
  TransactionEnded ended;
  for (auto& outcome : message_->outcomes) ended.outcomes.push_back(std::move(*outcome));
  outputs_.emplace_back(std::move(ended));
  message_.reset();
  committed_ = false;
  resting_ = State::idle;
}

}  // namespace sendonce::smtp
