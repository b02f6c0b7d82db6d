// Messages that follow each other on one line, which is cut after every octet, of ours and of the
// server's: each message is accepted, in doubt or not tried by its own commit point and reply, and
// no more than the window are in doubt.

#include "smtp/session.hh"
#include "smtp_queue.hh"

namespace sendonce::smtp {
namespace {

/// Three messages, and groups of answers: each may be read at once.
struct Dialogue {
  const char* name;
  std::size_t window;
  std::string ehlo;
  std::vector<Letter> letters;
  std::vector<std::string> answers;  // after the greeting and EHLO
};

std::vector<Dialogue> dialogues() {
  const std::string two = "250-2.0.0 ok\r\n250 2.0.0 queued\r\n";
  const Letter small;
  const Letter pieces = {{"A: b\n\n", ".hi\n"},
                         {*Address::parse("r@x.y"), *Address::parse("q@x.y")}};
  const Letter big = {{large, "tail\n"}, {*Address::parse("r@x.y")}};
  const Letter empty_last = {{"A: b\r\n", ""}, {*Address::parse("r@x.y")}};
  const std::string data = ok + ok + go_on;
  const std::string bdat = ok + ok + ok;
  return {{"DATA", 1, pipelining_ehlo, {small, small, small}, {data, ok + data, two + data, ok}},
          {"DATA, pieces",
           3,
           pipelining_ehlo,
           {small, pieces, small},
           {data, ok + ok + data, two + data, ok}},
          {"BDAT", 1, full_ehlo, {small, small, small}, {bdat, ok + ok + two, bdat}},
          {"BDAT, one large", 1, full_ehlo, {small, big, small}, {bdat + ok + ok, ok + two, bdat}},
          {"BDAT, window 3", 3, full_ehlo, {small, small, small}, {bdat + ok + ok + two + bdat}},
          {"BDAT, window 2, pieces",
           2,
           full_ehlo,
           {pieces, pieces, empty_last},
           {ok + ok + ok + ok + two + ok + ok + ok + ok + ok, ok + ok + ok + two}}};
}

Queue queue_of(const Dialogue& dialogue) {
  Queue queue(3, dialogue.window);
  queue.letters = dialogue.letters;
  return queue;
}

/// Of a play without a cut, by message.
struct Course {
  std::string wire;
  std::string answers;
  std::vector<std::uint64_t> commit_points;
  std::vector<std::size_t> answered_at;  // octets heard when its outcome came
  std::vector<std::uint64_t> said_when_answered;
};

/// The server says one octet at a time.
Course course_of(const Dialogue& dialogue) {
  Course course;
  course.answers = greeting + dialogue.ehlo;
  for (const std::string& group : dialogue.answers) course.answers += group;
  Queue queue = queue_of(dialogue);
  EXPECT_TRUE(queue.advance());
  for (std::size_t heard = 1; heard <= course.answers.size(); ++heard) {
    const std::size_t said = queue.wire.size();
    queue.hear(course.answers.substr(heard - 1, 1));
    while (course.answered_at.size() < queue.outcomes.size()) {
      course.answered_at.push_back(heard);
      course.said_when_answered.push_back(said);
    }
  }
  EXPECT_EQ(queue.outcomes.size(), 3U) << dialogue.name;
  for (const auto& outcomes : queue.outcomes) {
    for (const RecipientOutcome& one : outcomes) EXPECT_EQ(one.verdict, Verdict::accepted);
  }
  EXPECT_TRUE(queue.session.reusable()) << dialogue.name;
  EXPECT_LE(queue.most_beyond, dialogue.window);
  course.wire = queue.wire;
  course.commit_points = queue.commit_points;
  return course;
}

void expect_message(const Queue& queue, std::size_t message, bool answered) {
  const Verdict expected = answered                           ? Verdict::accepted
                           : queue.commit_points[message] > 0 ? Verdict::in_doubt
                                                              : Verdict::not_tried;
  for (const RecipientOutcome& outcome : queue.outcomes[message])
    EXPECT_EQ(outcome.verdict, expected) << "message " << message;
}

void expect_bounds(const Queue& queue, const Dialogue& dialogue) {
  ASSERT_EQ(queue.outcomes.size(), queue.begun());
  EXPECT_LE(queue.most_beyond, dialogue.window);
  std::size_t doubts = 0;
  for (const auto& outcomes : queue.outcomes)
    doubts += outcomes[0].verdict == Verdict::in_doubt ? 1U : 0U;
  EXPECT_LE(doubts, dialogue.window);
}

TEST(FollowingCut, OfWhatTheServerSays) {
  for (const Dialogue& dialogue : dialogues()) {
    const Course course = course_of(dialogue);
    for (std::size_t cut_at = 0; cut_at <= course.answers.size(); ++cut_at) {
      SCOPED_TRACE(std::string(dialogue.name) + ": " + course.answers.substr(0, cut_at));
      Queue queue = queue_of(dialogue);
      queue.advance();
      for (std::size_t i = 0; i < cut_at; ++i) queue.hear(course.answers.substr(i, 1));
      queue.session.lost(cut);
      queue.advance();
      expect_bounds(queue, dialogue);
      for (std::size_t i = 0; i < queue.outcomes.size(); ++i)
        expect_message(queue, i, cut_at >= course.answered_at[i]);
    }
  }
}

/// Large wires in steps: what lies between commands is all the same.
TEST(FollowingCut, OfWhatWeSay) {
  for (const Dialogue& dialogue : dialogues()) {
    const Course course = course_of(dialogue);
    for (std::uint64_t cut_at = 0; cut_at < course.wire.size(); ++cut_at) {
      if (course.wire[cut_at] == 'x' && cut_at % 997 != 0) continue;
      SCOPED_TRACE(std::string(dialogue.name) + ", after " + std::to_string(cut_at) + " octets");
      Queue queue = queue_of(dialogue);
      queue.line_takes = cut_at;
      bool listens = queue.advance();
      for (std::size_t i = 0; listens && i < course.answers.size(); ++i)
        listens = queue.hear(course.answers.substr(i, 1));
      EXPECT_TRUE(queue.ended.has_value());
      expect_bounds(queue, dialogue);
      for (std::size_t i = 0; i < queue.outcomes.size(); ++i) {
        EXPECT_EQ(queue.commit_points[i] > 0, course.commit_points[i] <= cut_at);
        expect_message(queue, i, course.said_when_answered[i] <= cut_at);
      }
    }
  }
}

/// However a group of answers is split in two, what is said and the outcomes are the same.
TEST(FollowingCut, OfTheReads) {
  for (const Dialogue& dialogue : dialogues()) {
    const Course course = course_of(dialogue);
    for (std::size_t split = 0; split < dialogue.answers.size(); ++split) {
      for (std::size_t at = 1; at <= dialogue.answers[split].size(); ++at) {
        SCOPED_TRACE(dialogue.name + (": " + dialogue.answers[split].substr(0, at)));
        std::vector<std::string> reads = {greeting, dialogue.ehlo};
        for (std::size_t i = 0; i < dialogue.answers.size(); ++i) {
          reads.push_back(dialogue.answers[i].substr(0, i == split ? at : std::string::npos));
          if (i == split && at < dialogue.answers[i].size())
            reads.push_back(dialogue.answers[i].substr(at));
        }
        Queue queue = queue_of(dialogue);
        queue.converse(reads);
        EXPECT_EQ(queue.wire, course.wire);
        ASSERT_EQ(queue.outcomes.size(), 3U);
        for (std::size_t i = 0; i < 3; ++i) expect_message(queue, i, true);
      }
    }
  }
}

}  // namespace
}  // namespace sendonce::smtp
