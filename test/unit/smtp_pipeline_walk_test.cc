// Random walks with several messages under way at once: a server that mostly answers each command
// with what fits, and sometimes says anything; octets in pieces of any size in both directions.
//
// The oracle knows no states: a list of the commands in the order they were handed over, whose each
// is, and that replies answer them one by one.  What must hold: outcomes come in the order of the
// messages, one each; `accepted` is the 2yz to the own end of data, begun after that was handed
// over whole; `in_doubt` and `not_tried` are told apart by the commit point; no more messages than
// the window are ever beyond theirs without an outcome; a withdrawn one is never handed over.

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <string>
#include <vector>

#include "smtp/session.hh"
#include "smtp_dice.hh"

namespace sendonce::smtp {
namespace {

using Verdict = RecipientOutcome::Verdict;

/// A command, or an end of data, that awaits a reply of its own.
struct Asked {
  std::string verb;
  std::uint64_t whole_at = 0;  // octets given out when it is whole
  MessageNumber message = 0;
  bool ends_data = false;
};

/// A whole reply, by its last line.
struct Heard {
  std::string code;
  std::uint64_t handed_over = 0;  // when its first octet was read
};

struct UnderWay {
  MessageNumber number = 0;
  std::size_t recipients = 0;
  std::uint64_t whole_at = 0;  // the commit point in octets given out; 0: not said whole
  bool withdrawn = false;
};

SessionOptions any_options(Dice& dice) {
  SessionOptions options;
  options.tls = TlsMode::none;
  options.pipelining = !dice.one_in(10);
  options.chunking = !dice.one_in(3);
  options.window = 1 + dice.below(4);
  return options;
}

std::string any_ehlo(Dice& dice) {
  std::string text = "250-me\r\n";
  if (!dice.one_in(10)) text += "250-PIPELINING\r\n";
  if (!dice.one_in(3)) text += "250-CHUNKING\r\n";
  if (dice.one_in(2)) text += "250-SIZE 95000\r\n";
  if (dice.one_in(4)) text += "250-LIMITS RCPTMAX=1\r\n";
  return text + "250 END\r\n";
}

std::string fitting(const Asked& asked, Dice& dice) {
  if (asked.verb == "greeting") return "220 hi\r\n";
  if (asked.verb == "EHLO") return any_ehlo(dice);
  if (asked.verb == "DATA") return "354 go\r\n";
  const std::string code = std::to_string(250 + dice.below(2));
  return dice.one_in(4) ? code + "-2.0.0 o\r\n" + code + " 2.0.0 k\r\n" : code + " ok\r\n";
}

std::string one_answer(const Asked& asked, Dice& dice) {
  switch (dice.below(40)) {
    case 0:
      return any_reply(dice);
    case 1:
      return mutated(fitting(asked, dice), dice);
    case 2:
      return fitting(asked, dice) + any_reply(dice);
    case 3:
    case 4:
      return dice.one_in(2) ? "550 5.0.0 no\r\n" : "451 4.0.0 later\r\n";
    default:
      return fitting(asked, dice);
  }
}

class PipelineWalk {
 public:
  explicit PipelineWalk(unsigned seed)
      : dice_(seed), options_(any_options(dice_)), session_(options_) {}

  void run() {
    for (int steps = 0; steps < 3000; ++steps) {
      if (may_begin() && dice_.one_in(2)) begin();
      Output output = session_.next();
      if (std::holds_alternative<Ended>(output)) return expect_over();
      perform(output);
      if (dice_.one_in(300)) session_.lost({Cause::connection_lost, Phase::none, "cut", ""});
    }
    ADD_FAILURE() << "the walk does not end, in " << state_name(session_.state());
  }

  [[nodiscard]] const std::array<int, 6>& verdicts() const { return verdicts_; }
  [[nodiscard]] std::size_t most_beyond() const { return most_beyond_; }

 private:
  void perform(Output& output) {
    if (auto* send = std::get_if<Send>(&output)) return say(*send);
    if (auto* ended = std::get_if<TransactionEnded>(&output)) return judge(*ended);
    if (std::holds_alternative<NeedInput>(output)) {
      hear(answers());
    } else if (std::holds_alternative<NeedBody>(output)) {
      give_body();
    } else if (std::holds_alternative<CommitFollows>(output)) {
      commit();
    } else {
      ASSERT_TRUE(std::holds_alternative<Ready>(output));
      EXPECT_TRUE(under_way_.empty()) << "Ready while a message is under way";
      begun_ < 6 ? begin() : session_.quit();
    }
  }

  // --- the owner
  [[nodiscard]] bool may_begin() {
    next_ = BodyFacts{};
    next_.octets = dice_.one_in(4) ? 90000 : dice_.one_in(12) ? 100000 : 100;
    return !under_way_.empty() && begun_ < 6 && session_.takes_another(next_);
  }

  void begin() {
    Envelope envelope;
    envelope.sender = *Address::parse("s@x.y");
    envelope.recipients.resize(1 + dice_.below(4), *Address::parse("r@x.y"));
    if (dice_.one_in(6)) envelope.recipients.back() = *Address::parse("\xc3\xa4@x.y");
    envelope.facts = next_;
    const std::size_t recipients = envelope.recipients.size();
    ++begun_;
    const MessageNumber number = session_.begin(std::move(envelope));
    EXPECT_EQ(number, static_cast<MessageNumber>(begun_));
    under_way_.push_back({number, recipients});
  }

  void give_body() {
    if (dice_.one_in(40)) return withdraw();
    std::string piece(dice_.below(dice_.one_in(5) ? 20000 : 20), '.');
    if (dice_.one_in(2)) piece += "\r\n";
    session_.body(piece, dice_.one_in(2));
  }

  void commit() {
    ASSERT_FALSE(under_way_.empty());
    barrier_of_ = under_way_.back().number;
    if (dice_.one_in(20)) withdraw();
  }

  void withdraw() {
    under_way_.back().withdrawn = true;
    session_.withdraw({Cause::cancelled, Phase::none, "withdrawn", ""});
  }

  // --- the line
  void say(const Send& send) {
    said_ += send.bytes.size();
    if (!send.content) {
      asked_.push_back(
          {send.bytes.substr(0, send.bytes.find_first_of(" \r")), said_, send.message});

    } else if (asked_.back().verb == "BDAT") {
      asked_.back().whole_at = said_;
    }
    if (send.completes) complete(send.message);
    hand_over(send.bytes.size());
  }

  void complete(MessageNumber message) {
    EXPECT_EQ(barrier_of_, message) << "the barrier comes before what completes the message";
    if (asked_.back().verb != "BDAT") asked_.push_back({"dot", said_, message});
    asked_.back().ends_data = true;
    ASSERT_FALSE(under_way_.empty());
    EXPECT_EQ(under_way_.back().number, message);
    EXPECT_FALSE(under_way_.back().withdrawn) << "said whole after it was withdrawn";
    under_way_.back().whole_at = said_;
  }

  /// The kernel takes COUNT octets in pieces, and the server may speak between them.
  void hand_over(std::size_t count) {
    while (count > 0 && session_.state() != State::ended) {
      const std::size_t taken = dice_.one_in(4) ? 1 + dice_.below(count) : count;
      session_.sent(taken);
      handed_over_ += taken;
      count -= taken;
      most_beyond_ = std::max(most_beyond_, beyond());
      EXPECT_LE(beyond(), options_.window);
      if (dice_.one_in(60)) hear(answers());
    }
  }

  [[nodiscard]] bool is_whole(const UnderWay& message) const {
    return message.whole_at > 0 && handed_over_ >= message.whole_at;
  }

  [[nodiscard]] std::size_t beyond() const {
    std::size_t count = 0;
    for (const UnderWay& message : under_way_) count += is_whole(message) ? 1U : 0U;
    return count;
  }

  // --- the server
  std::string answers() {
    std::string said;
    do {
      if (answered_ == asked_.size()) return said + any_reply(dice_);
      said += one_answer(asked_[answered_++], dice_);
    } while (answered_ < asked_.size() && dice_.one_in(2));
    return said;
  }

  void hear(const std::string& bytes) {
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t length =
          dice_.one_in(3) ? 1 + dice_.below(bytes.size() - at) : bytes.size();
      const std::string piece = bytes.substr(at, length);
      for (const char c : piece) hear_octet(c);
      session_.receive(piece);
      at += piece.size();
    }
  }

  /// A reply ends with the line that has no hyphen after its code.
  void hear_octet(char c) {
    if (reply_.empty()) reply_began_ = handed_over_;
    reply_ += c;
    line_ += c;
    if (c != '\n') return;
    const bool last = line_.size() < 4 || line_[3] != '-';
    if (last) {
      heard_.push_back({line_.substr(0, 3), reply_began_});
      reply_.clear();
    }
    line_.clear();
  }

  // --- the judge
  void judge(const TransactionEnded& ended) {
    ASSERT_FALSE(under_way_.empty()) << "an outcome that nobody asked for";
    const UnderWay message = under_way_.front();
    under_way_.pop_front();
    ASSERT_EQ(ended.outcomes.size(), message.recipients) << "of another message";
    for (const RecipientOutcome& outcome : ended.outcomes) {
      ++verdicts_.at(static_cast<std::size_t>(outcome.verdict));
      EXPECT_TRUE(outcome.reply || outcome.error);
      if (outcome.verdict == Verdict::accepted) expect_accepted(outcome, message);
      if (outcome.verdict == Verdict::in_doubt) {
        EXPECT_TRUE(is_whole(message));
      }
      if (outcome.verdict == Verdict::not_tried) {
        EXPECT_FALSE(is_whole(message));
      }
    }
  }

  void expect_accepted(const RecipientOutcome& outcome, const UnderWay& message) {
    ASSERT_TRUE(outcome.reply && is_whole(message) && !message.withdrawn);
    for (std::size_t i = 0; i < asked_.size(); ++i) {
      if (asked_[i].message != message.number || !asked_[i].ends_data) continue;
      ASSERT_LT(i, heard_.size()) << "fewer replies than commands";
      EXPECT_EQ(heard_[i].code[0], '2');
      EXPECT_EQ(heard_[i].code, std::to_string(outcome.reply->code)) << "another's reply";
      EXPECT_GE(heard_[i].handed_over, asked_[i].whole_at) << "it began too early";
      return;
    }
    ADD_FAILURE() << "accepted without an end of data";
  }

  void expect_over() {
    EXPECT_TRUE(under_way_.empty()) << "a message without an outcome";
    EXPECT_EQ(session_.state(), State::ended);
    EXPECT_TRUE(std::holds_alternative<Ended>(session_.next()));
  }

  Dice dice_;
  SessionOptions options_;
  Session session_;
  std::vector<Asked> asked_ = {{"greeting"}};
  std::size_t answered_ = 0;  // of asked_
  std::vector<Heard> heard_;
  std::string reply_;  // that is not whole yet
  std::string line_;   // of it
  std::uint64_t reply_began_ = 0;
  std::uint64_t said_ = 0;
  std::uint64_t handed_over_ = 0;
  std::deque<UnderWay> under_way_;
  BodyFacts next_;
  int begun_ = 0;
  MessageNumber barrier_of_ = 0;
  std::size_t most_beyond_ = 0;
  std::array<int, 6> verdicts_ = {};
};

TEST(PipelineWalk, EndsHonestlyWhateverTheServerSays) {
  std::array<int, 6> all = {};
  std::size_t most_beyond = 0;
  for (unsigned seed = 1; seed <= 20000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    PipelineWalk walk(seed);
    walk.run();
    for (std::size_t i = 0; i < all.size(); ++i) all[i] += walk.verdicts().at(i);
    most_beyond = std::max(most_beyond, walk.most_beyond());
    ASSERT_FALSE(::testing::Test::HasFailure());
  }
  for (const int count : all) EXPECT_GT(count, 1000) << "the walks reach every verdict";
  EXPECT_EQ(most_beyond, 4U) << "and the widest window";
}

}  // namespace
}  // namespace sendonce::smtp
