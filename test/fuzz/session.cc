// Fuzz target: a whole session, played by a script (session_script.hh): server, line and owner.
//
// What must hold, whatever they do:
//   - it ends, in few steps;
//   - each recipient of a message has one outcome, and they come in the order of the messages;
//   - no more messages than the window are beyond their commit point without an outcome;
//   - `accepted` is the server's own 2yz to the end of data: counted by an oracle that knows no
//     SMTP but "one reply a command", begun after the last octet was handed over;
//   - no outcome without a reply contradicts the commit point: in doubt from it on, not tried
//     before; the commit point never comes before its barrier, nor after a withdrawal;
//   - what is said is commands, each one line, and content without a bare CR or LF.

#include <algorithm>
#include <array>
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "session_script.hh"
#include "target.hh"

namespace {

using namespace sendonce;        // NOLINT(google-build-using-namespace): a test of theirs
using namespace sendonce::smtp;  // NOLINT(google-build-using-namespace)
using Verdict = RecipientOutcome::Verdict;
using fuzz::require;

// --- what the server has said, by an oracle of its own
// ---------------------------------------------

struct WholeReply {
  std::size_t begin = 0;  // in all that was heard
  char reply_class = '0';
};

/// Slow and obvious: a reply ends with the line that has no hyphen after its code.
std::vector<WholeReply> whole_replies(const std::string& heard) {
  std::vector<WholeReply> replies;
  std::size_t begin = 0;
  std::size_t line = 0;
  for (std::size_t lf = 0; (lf = heard.find('\n', line)) != std::string::npos; line = lf + 1) {
    if (lf - line >= 4 && heard[line + 3] == '-') continue;
    replies.push_back({begin, heard[line]});
    begin = lf + 1;
  }
  return replies;
}

// --- what the client says
// --------------------------------------------------------------------------

void check_command(std::string_view bytes) {
  static constexpr std::array<std::string_view, 12> commands = {
      "EHLO ", "HELO ",    "STARTTLS\r\n", "MAIL FROM:<", "RCPT TO:<", "DATA\r\n",
      "BDAT ", "RSET\r\n", "NOOP\r\n",     "QUIT\r\n",    ".\r\n",     "*\r\n"};
  require(fuzz::is_one_line(bytes), "a command is one line", bytes);
  const bool known = std::any_of(commands.begin(), commands.end(), [&](std::string_view one) {
    return bytes.substr(0, one.size()) == one;
  });
  require(known, "a command is a command", bytes);
}

/// In pieces: a CR at the end of one may be followed by its LF in the next.
class ContentCheck {
 public:
  void take(std::string_view bytes) {
    for (const char c : bytes) {
      require(c != '\n' || last_ == '\r', "no bare LF in the message");
      require(last_ != '\r' || c == '\n', "no bare CR in the message");
      last_ = c;
    }
  }

 private:
  char last_ = 0;
};

// --- the play
// ------------------------------------------------------------------------------------------

constexpr std::size_t most_pieces = 300;
constexpr int most_messages = 6;

/// A message under way.
struct Letter {
  bool barrier = false;
  bool withdrawn = false;
  std::size_t whole_at = 0;     // octets said when it was complete; 0: it is not
  std::size_t end_of_data = 0;  // which of the commands that is
  std::optional<std::size_t> heard_at_commit;

  [[nodiscard]] bool is_whole(std::size_t handed_over) const {
    return whole_at > 0 && handed_over >= whole_at;
  }
};

class Play {
 public:
  explicit Play(std::string_view input)
      : script_(input), most_steps_(8000 + 20 * input.size()), session_(script_.setup().options) {
    const auto& setup = script_.setup();
    message_ = setup.large ? std::string(70000, '.') : "A: b\r\n\r\n.hi\n\r.\r\nbye";
    envelope_ = {*Address::parse("s@x.y"), {}, examine_body(message_)};
    envelope_.recipients.resize(setup.recipients, *Address::parse("r@x.y"));
    if (setup.international && setup.recipients > 0)
      envelope_.recipients.back() = *Address::parse("\xc3\xa4@x.y");
  }

  void run() {
    for (std::size_t steps = 0; steps < most_steps_; ++steps) {
      if (may_follow()) begin();
      Output output = session_.next();
      if (const auto* ended = std::get_if<Ended>(&output)) return check_end(*ended);
      std::visit([this](auto& what) { perform(what); }, output);
    }
    require(false, "a session ends", state_name(session_.state()));
  }

 private:
  void perform(const Send& send) {
    require(!send.bytes.empty(), "nothing is said by nothing");
    said_ += send.bytes.size();
    if (send.content) {
      require(!under_way_.empty(), "content belongs to a message");
      content_.take(send.bytes);
    } else {
      check_command(send.bytes);
      ++commands_;
      counted_ = send.bytes.substr(0, 4) == "BDAT";
    }
    if (send.completes) complete();
    require(under_way_.empty() || !under_way_.back().withdrawn,
            "nothing is said after a withdrawal", send.bytes);
    hand_over(send.bytes.size());
  }

  /// The dot awaits a reply of its own, a chunk that of its command.
  void complete() {
    Letter& letter = under_way_.back();
    require(letter.barrier, "the barrier comes before what completes the message");
    if (!counted_) ++commands_;
    letter.whole_at = said_;
    letter.end_of_data = static_cast<std::size_t>(commands_);
  }

  void perform(const SendSecret& send) {
    require(fuzz::is_one_line(send.bytes.reveal()), "a command is one line");
    require(fuzz::is_one_line(send.shown + "\r\n"), "what is shown is one line", send.shown);
    require(send.shown.find("c2VjcmV0") == std::string::npos, "secrets are not shown", send.shown);
    ++commands_;
    said_ += send.bytes.size();
    hand_over(send.bytes.size());
  }

  void perform(const NeedInput&) {
    if (auto said = script_.hear()) return hear(*said);
    session_.lost({Cause::connection_lost, Phase::none, "gone", ""});
  }

  void perform(const StartTls&) { session_.tls_established(); }

  void perform(const NeedSignIn&) {
    script_.decide();
    if (script_.skips_sign_in() || ++sign_ins_ > 20) return session_.skip_sign_in();
    session_.authenticate(*MechanismName::parse("PLAIN"), Secret(std::string_view("c2VjcmV0")));
  }

  void perform(const Challenge&) {
    script_.decide();
    script_.aborts() ? session_.abort_auth()
                     : session_.respond(Secret(std::string_view("c2VjcmV0")));
  }

  void perform(const SignInEnded& ended) {
    require(!ended.accepted || ended.reply.code == 235, "235 alone is a sign-in");
  }

  void perform(const NeedBody&) {
    require(!under_way_.empty(), "a body belongs to a message");
    const std::string_view rest = std::string_view(message_).substr(offset_);
    // Not more than some hundred pieces: the steps are counted.
    const std::string_view piece =
        rest.substr(0, std::max(script_.piece(), message_.size() / most_pieces));
    offset_ += piece.size();
    session_.body(piece, offset_ == message_.size());
  }

  void perform(const CommitFollows& commit) {
    require(!under_way_.empty(), "a barrier belongs to a message");
    Letter& letter = under_way_.back();
    require(!letter.barrier && letter.whole_at == 0, "one barrier, before the commit point");
    require(!commit.recipients.empty(), "a commit is for somebody");
    letter.barrier = true;
    script_.decide();
    if (!script_.withdraws()) return;
    letter.withdrawn = true;
    session_.withdraw({Cause::cancelled, Phase::none, "withdrawn", ""});
  }

  /// They come in the order in which the messages were begun.
  void perform(const TransactionEnded& ended) {
    require(!under_way_.empty(), "outcomes belong to a message");
    const Letter letter = under_way_.front();
    under_way_.pop_front();
    require(ended.outcomes.size() == script_.setup().recipients, "one outcome a recipient");
    for (const RecipientOutcome& outcome : ended.outcomes) judge(outcome, letter);
  }

  void perform(const Ready&) {
    require(under_way_.empty(), "ready only when no message is under way");
    script_.decide();
    if (script_.quits() || messages_ == most_messages) return session_.quit();
    begin();
  }

  void perform(const Ended&) {}

  void begin() {
    ++messages_;
    offset_ = 0;
    under_way_.emplace_back();
    session_.begin(envelope_);
  }

  [[nodiscard]] bool may_follow() const {
    return script_.setup().follows && messages_ < most_messages && !under_way_.empty() &&
           session_.takes_another(envelope_.facts);
  }

  /// The kernel takes some, the server speaks, the kernel takes the rest.
  void hand_over(std::size_t size) {
    const std::size_t first = script_.takes(size);
    if (first > 0) sent(first);
    if (first == size) return;
    if (auto said = script_.hear()) hear(*said);
    if (session_.state() != State::ended) sent(size - first);
  }

  void sent(std::size_t count) {
    session_.sent(count);
    handed_over_ += count;
    std::size_t beyond = 0;
    for (Letter& letter : under_way_) {
      if (!letter.is_whole(handed_over_)) continue;
      ++beyond;
      require(letter.barrier && !letter.withdrawn, "the commit point comes after its barrier");
      if (!letter.heard_at_commit) letter.heard_at_commit = heard_.size();
    }
    require(beyond <= script_.setup().options.window, "the window is kept");
  }

  void hear(const std::string& bytes) {
    heard_ += bytes;
    session_.receive(bytes);
  }

  void judge(const RecipientOutcome& outcome, const Letter& letter) {
    const bool by_reply = outcome.reply.has_value();
    const bool whole = letter.heard_at_commit.has_value();
    switch (outcome.verdict) {
      case Verdict::accepted:
        return judge_accepted(outcome, letter);
      case Verdict::in_doubt:
        return require(whole && !by_reply && outcome.error, "in doubt from the commit point on");
      case Verdict::not_tried:
        return require(!whole && !by_reply, "not tried before the commit point");
      case Verdict::refused:
        return require(by_reply ? outcome.reply->reply_class() == 5 : ruled_out(outcome),
                       "refused by 5yz, or by what the server offers");
      case Verdict::refused_for_now:
        return require(by_reply && outcome.reply->reply_class() == 4, "put off by 4yz");
      case Verdict::next_time:
        return require(by_reply ? outcome.reply->code == 452 : outcome.error.has_value(),
                       "another time by 452, or by LIMITS");
    }
  }

  /// Settled before a word was said of it, whatever became of the others.
  static bool ruled_out(const RecipientOutcome& outcome) {
    return outcome.error && (outcome.error->cause == Cause::too_large ||
                             outcome.error->cause == Cause::needs_smtputf8 ||
                             outcome.error->cause == Cause::needs_8bitmime);
  }

  void judge_accepted(const RecipientOutcome& outcome, const Letter& letter) {
    require(letter.heard_at_commit && !letter.withdrawn, "accepted after the commit point");
    require(outcome.reply && outcome.reply->reply_class() == 2, "accepted by 2yz");
    const auto replies = whole_replies(heard_);
    const std::size_t own = letter.end_of_data;  // the greeting comes before the first
    require(replies.size() > own, "accepted by a whole reply");
    require(replies[own].reply_class == '2', "accepted by the reply to the end of data");
    require(replies[own].begin >= *letter.heard_at_commit,
            "accepted by a reply that began after it");
  }

  void check_end(const Ended& ended) {
    require(under_way_.empty(), "no message is left without outcomes");
    require(!ended.error || !ended.error->message.empty(), "an error has words");
    session_.receive("250 too late\r\n");
    require(std::holds_alternative<Ended>(session_.next()), "ended for good");
  }

  fuzz::SessionScript script_;
  std::size_t most_steps_;
  Session session_;
  std::string heard_;
  std::string message_;
  Envelope envelope_;
  ContentCheck content_;
  std::size_t offset_ = 0;
  std::size_t said_ = 0;
  std::size_t handed_over_ = 0;
  long commands_ = 0;
  int sign_ins_ = 0;
  int messages_ = 0;
  bool counted_ = false;  // the last command was BDAT
  std::deque<Letter> under_way_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Play(fuzz::text_of(data, size)).run();
  return 0;
}
