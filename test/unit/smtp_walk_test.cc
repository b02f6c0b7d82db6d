// Random walks: a server that mostly says what fits, and sometimes anything; octets in pieces of
// any size in both directions.  Seeds are fixed: a failure names its seed and comes again.
//
// What must hold: the walk ends; each recipient has one outcome; `accepted` is the server's own 2yz
// to the end of data, begun after the commit point; `in_doubt` never without the commit point.

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "smtp/session.hh"
#include "smtp_dice.hh"

namespace sendonce::smtp {
namespace {

using Verdict = RecipientOutcome::Verdict;

SessionOptions any_options(Dice& dice) {
  SessionOptions options;
  options.tls = dice.one_of(std::array{TlsMode::none, TlsMode::none, TlsMode::implicit,
                                       TlsMode::starttls, TlsMode::opportunistic});
  options.sign_in = dice.one_in(4);
  options.pipelining = !dice.one_in(4);
  options.chunking = !dice.one_in(3);
  return options;
}

// --- the server

std::string any_ehlo(Dice& dice) {
  std::string text = "250-me\r\n";
  for (const char* keyword : {"PIPELINING", "CHUNKING", "STARTTLS", "SIZE 100000", "8BITMIME",
                              "SMTPUTF8", "AUTH PLAIN LOGIN", "AUTH=X", "SIZE junk"}) {
    if (!dice.one_in(3)) text += "250-" + std::string(keyword) + "\r\n";
  }
  if (dice.one_in(4)) text += "250-LIMITS RCPTMAX=1\r\n";
  return text + "250 END\r\n";
}

std::string fitting(State state, Dice& dice) {
  switch (state) {
    case State::greeting:
    case State::starttls:
      return "220 go\r\n";
    case State::ehlo:
      return any_ehlo(dice);
    case State::auth:
      return dice.one_in(2) ? "235 yes\r\n" : "334 eA==\r\n";
    case State::data:
      return "354 go\r\n";
    default:
      return dice.one_in(3) ? "250-2.0.0 o\r\n250 2.0.0 k\r\n" : "250 ok\r\n";
  }
}

std::string server_says(State state, Dice& dice) {
  switch (dice.below(24)) {
    case 0:
      return any_reply(dice);
    case 1:
      return mutated(fitting(state, dice), dice);
    case 2:
      return "550 5.0.0 no\r\n";
    case 3:
      return fitting(state, dice) + any_reply(dice);
    default:
      return fitting(state, dice);
  }
}

// --- the walk

/// The replies in BYTES that are whole, each by its last line; slow and obvious.
std::vector<std::string> whole_replies(const std::string& bytes) {
  std::vector<std::string> replies;
  std::size_t at = 0;
  for (std::size_t end = 0; (end = bytes.find("\r\n", at)) != std::string::npos; at = end + 2) {
    const std::string line = bytes.substr(at, end - at);
    if (line.size() == 3 || (line.size() > 3 && line[3] == ' ')) replies.push_back(line);
  }
  return replies;
}

/// Are the last octets of BYTES the end of a reply?
bool ends_a_reply(const std::string& bytes) {
  if (bytes.empty()) return true;
  if (bytes.size() < 5 || bytes.substr(bytes.size() - 2) != "\r\n") return false;
  const std::size_t before = bytes.rfind("\r\n", bytes.size() - 3);
  const std::size_t start = before == std::string::npos ? 0 : before + 2;
  const std::string line = bytes.substr(start, bytes.size() - 2 - start);
  return line.size() == 3 || (line.size() > 3 && line[3] == ' ');
}

class Walk {
 public:
  explicit Walk(unsigned seed) : dice_(seed), session_(any_options(dice_)) {}

  void run() {
    for (int steps = 0; steps < 3000; ++steps) {
      Output output = session_.next();
      if (std::holds_alternative<Ended>(output)) return expect_over();
      perform(output);
      if (dice_.one_in(200)) session_.lost({Cause::connection_lost, Phase::none, "cut", ""});
    }
    ADD_FAILURE() << "the walk does not end, in " << state_name(session_.state());
  }

  [[nodiscard]] const std::array<int, 6>& verdicts() const { return verdicts_; }

 private:
  void perform(Output& output) {
    if (auto* send = std::get_if<Send>(&output)) {
      commands_ += send->content ? 0 : 1;
      if (send->completes && !counted_) ++commands_;  // the dot awaits a reply of its own
      counted_ = counted_ || send->bytes.find(" LAST\r\n") != std::string::npos;
      return hand_over(send->bytes.size());
    }
    if (auto* secret = std::get_if<SendSecret>(&output)) {
      ++commands_;
      return hand_over(secret->bytes.size());
    }
    if (std::holds_alternative<NeedInput>(output))
      return hear(server_says(session_.state(), dice_));
    if (std::holds_alternative<StartTls>(output)) return session_.tls_established();
    if (auto* ended = std::get_if<TransactionEnded>(&output)) return judge(*ended);
    decide(output);
  }

  void decide(const Output& output) {
    if (std::holds_alternative<NeedSignIn>(output)) {
      if (++sign_ins_ > 3) return session_.skip_sign_in();
      session_.authenticate(*MechanismName::parse("PLAIN"), std::nullopt);
    } else if (std::holds_alternative<Challenge>(output)) {
      dice_.one_in(3) ? session_.abort_auth() : session_.respond(Secret("eA=="));
    } else if (std::holds_alternative<NeedBody>(output)) {
      const bool last = dice_.one_in(3);
      std::string piece(dice_.below(dice_.one_in(5) ? 20000 : 20), '.');
      if (dice_.one_in(2)) piece += "\r\n";
      session_.body(piece, last);
    } else if (std::holds_alternative<CommitFollows>(output)) {
      EXPECT_FALSE(session_.committed());
      barrier_ = true;
      if (dice_.one_in(10)) session_.withdraw({Cause::cancelled, Phase::none, "withdrawn", ""});
    } else if (std::holds_alternative<Ready>(output)) {
      messages_ < 3 ? begin() : session_.quit();
    }
  }

  void begin() {
    EXPECT_FALSE(begun_) << "Ready while a message is under way";
    barrier_ = false;
    committed_ = false;
    counted_ = false;
    ++messages_;
    Envelope envelope;
    envelope.sender = *Address::parse("s@x.y");
    envelope.recipients.resize(1 + dice_.below(4), *Address::parse("r@x.y"));
    if (dice_.one_in(5)) envelope.recipients.back() = *Address::parse("\xc3\xa4@x.y");
    envelope.facts.octets = dice_.one_in(3) ? 90000 : 100;
    recipients_ = envelope.recipients.size();
    begun_ = true;
    session_.begin(std::move(envelope));
  }

  /// The kernel takes COUNT octets in pieces, and the server may speak between them.
  void hand_over(std::size_t count) {
    while (count > 0 && session_.state() != State::ended) {
      const std::size_t taken = dice_.one_in(4) ? 1 + dice_.below(count) : count;
      session_.sent(taken);
      count -= taken;
      note_commit();
      if (dice_.one_in(60)) hear(server_says(session_.state(), dice_));
    }
  }

  void note_commit() {
    if (committed_ || !session_.committed()) return;
    EXPECT_TRUE(barrier_) << "the commit point came before the barrier";
    committed_ = true;
    heard_at_commit_ = heard_.size();
    owed_at_commit_ = commands_ - static_cast<std::int64_t>(session_.replies());
  }

  void hear(const std::string& bytes) {
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t length =
          dice_.one_in(3) ? 1 + dice_.below(bytes.size() - at) : bytes.size();
      const std::string piece = bytes.substr(at, length);
      heard_ += piece;
      session_.receive(piece);
      at += piece.size();
    }
  }

  void judge(const TransactionEnded& ended) {
    EXPECT_TRUE(begun_) << "an outcome that nobody asked for";
    begun_ = false;
    EXPECT_EQ(ended.outcomes.size(), recipients_);
    for (const RecipientOutcome& outcome : ended.outcomes) {
      ++verdicts_.at(static_cast<std::size_t>(outcome.verdict));
      EXPECT_TRUE(outcome.reply || outcome.error);
      if (outcome.verdict == Verdict::accepted) expect_accepted(outcome);
      if (outcome.verdict == Verdict::in_doubt) {
        EXPECT_TRUE(committed_);
      }
      if (outcome.verdict == Verdict::not_tried) {
        EXPECT_FALSE(committed_);
      }
    }
  }

  void expect_accepted(const RecipientOutcome& outcome) {
    ASSERT_TRUE(committed_ && outcome.reply);
    ASSERT_GE(owed_at_commit_, 1);
    const std::string before = heard_.substr(0, heard_at_commit_);
    if (owed_at_commit_ == 1) {
      EXPECT_TRUE(ends_a_reply(before)) << "it began too early";
    }
    const auto replies = whole_replies(heard_);
    const auto place = whole_replies(before).size() + static_cast<std::size_t>(owed_at_commit_) - 1;
    ASSERT_LT(place, replies.size()) << "fewer replies than commands";
    EXPECT_EQ(replies[place][0], '2') << replies[place];
    EXPECT_EQ(replies[place].substr(0, 3), std::to_string(outcome.reply->code));
  }

  void expect_over() {
    EXPECT_FALSE(begun_) << "a message without an outcome";
    EXPECT_EQ(session_.state(), State::ended);
    EXPECT_TRUE(std::holds_alternative<Ended>(session_.next()));
  }

  Dice dice_;
  Session session_;
  std::string heard_;
  std::int64_t commands_ = 1;  // the greeting is owed without one
  int messages_ = 0;
  int sign_ins_ = 0;
  std::size_t recipients_ = 0;
  bool begun_ = false;
  bool barrier_ = false;
  bool committed_ = false;
  bool counted_ = false;  // BDAT LAST was said, whose reply is that to the message
  std::size_t heard_at_commit_ = 0;
  std::int64_t owed_at_commit_ = 0;
  std::array<int, 6> verdicts_ = {};
};

TEST(Walk, EndsHonestlyWhateverTheServerSays) {
  std::array<int, 6> all = {};
  for (unsigned seed = 1; seed <= 20000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Walk walk(seed);
    walk.run();
    for (std::size_t i = 0; i < all.size(); ++i) all[i] += walk.verdicts().at(i);
    ASSERT_FALSE(::testing::Test::HasFailure());
  }
  for (const int count : all) EXPECT_GT(count, 100) << "the walks reach every verdict";
}

}  // namespace
}  // namespace sendonce::smtp
