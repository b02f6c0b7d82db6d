// The convoy matrix: three messages go by one line, which is cut after every octet, in both
// directions; each message is held against what the server has of it.
//
//   convoy-matrix [--sample]      prints a line a series and the counts; 0 if nothing was wrong
//
// The messages wait in the outbox before the engine opens it, so that they follow each other; or
// each is sent when the last is over, on the line that was kept.  The first line is cut, or all are
// until the flush.  Wrong is: `sent` and not in the ledger once; `deferred` and in the ledger; any
// other state than these and `in-doubt`; more of them in doubt, by one line, than the window
// allows; one in doubt whose final reply had come, or whose line ended before it was begun; after
// the flush, which nothing disturbs: deferred and not sent once, in the ledger twice, or in doubt
// no more.

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

#include "driver.hh"

namespace fault {
namespace {

using sendonce::engine::EntryId;
using sendonce::outbox::State;

constexpr std::size_t messages = 3;

struct Series {
  std::string tls;
  std::string framing;  // DATA or BDAT
  int window;
  bool queued;  // all wait before the engine opens; else each is sent when the last is over
  [[nodiscard]] std::string name() const {
    return tls + " " + framing + (queued ? ", window " + std::to_string(window) : ", one by one");
  }
};

/// Offsets of a whole dialogue, in octets of SMTP.
struct Landmarks {
  std::size_t in_total = 0;
  std::size_t out_total = 0;
  std::size_t first_mail = 0;                  // of `in`
  std::array<std::size_t, messages> commit{};  // of `in`: the end of each message
  std::array<std::size_t, messages> reply{};   // of `out`: the end of the final reply to it
};

struct Counts {
  int cases = 0, sent = 0, deferred = 0, doubt_has = 0, doubt_has_not = 0, wrong = 0;
  std::ptrdiff_t most_doubts = 0;  // by one line
};

struct Cut {
  std::string direction;
  std::size_t at;
  std::string way;
  bool once;  // the first line only
};

std::vector<std::string> options_of(const Series& series) {
  std::vector<std::string> options = {"--tls", series.tls, "--record"};
  if (series.framing == "DATA") options.emplace_back("--no-chunking");
  return options;
}

class Matrix {
 public:
  Matrix(const Series& series, bool sample)
      : series_(series),
        sample_(sample),
        peer_(scratch_.path() / "peer", options_of(series)),
        settings_(settings_for(peer_, series.tls) +
                  "keep-alive=60\nwindow=" + std::to_string(series.window) + "\n") {}

  Counts run() {
    survey();
    for (const char* way : {"drop", "reset"}) {
      cut_all("in", marks_.in_total, way);
      cut_all("out", marks_.out_total, way);
    }
    if (series_.queued) leave_while_it_stalls();
    std::printf(
        "%-26s %6d cases: %5d sent, %5d deferred then sent, %4d in doubt (%d there, %d not; at "
        "most %td by a line), %d wrong\n",
        series_.name().c_str(), counts_.cases, counts_.sent, counts_.deferred,
        counts_.doubt_has + counts_.doubt_has_not, counts_.doubt_has, counts_.doubt_has_not,
        counts_.most_doubts, counts_.wrong);
    (void)std::fflush(stdout);
    return counts_;
  }

 private:
  /// From the dialogue of a queue without a cut.
  void survey() {
    const fs::path outbox = scratch_.path() / "survey";
    std::vector<EntryId> ids;
    Client client = send_all(outbox, ids);
    for (const EntryId id : ids) {
      if (client.state(id) != State::sent) die("the queue without a cut failed: " + series_.name());
    }
    const int before = peer_.ends();
    client.stop();
    if (peer_.ends() == before) peer_.wait_for_end(before);
    if (peer_.connections() != 1) die("the queue did not go by one line: " + series_.name());
    const std::string in = slurp(peer_.directory() / "dialogue-1.in");
    const std::string out = slurp(peer_.directory() / "dialogue-1.out");
    marks_.in_total = in.find("QUIT\r\n");
    marks_.out_total = out.find("221 ");
    marks_.first_mail = in.find("MAIL FROM");
    std::size_t in_at = 0;
    std::size_t out_at = 0;
    for (std::size_t i = 0; i < messages; ++i) {
      in_at = marks_.commit[i] = end_of(in, "and another.\r\n", in_at);
      if (series_.framing == "DATA") in_at = marks_.commit[i] += 3;
      out_at = marks_.reply[i] = end_of(out, "\r\n", end_of(out, "250 2.0.0 Ok: queued", out_at));
    }
    fs::remove_all(outbox);
  }

  /// The client, when an attempt at each message has ended.
  Client send_all(const fs::path& outbox, std::vector<EntryId>& ids) {
    if (series_.queued) ids = queue(outbox, settings_, messages);
    Client client(outbox);
    for (const EntryId id : ids) client.wait(id);
    while (ids.size() < messages) {
      ids.push_back(client.send(settings_, {"r@s.example"}));
      client.wait(ids.back());
    }
    return client;
  }

  static std::size_t end_of(const std::string& text, const std::string& what, std::size_t from) {
    const std::size_t at = text.find(what, from);
    if (at == std::string::npos) die("no \"" + what + "\" in the recorded dialogue:\n" + text);
    return at + what.size();
  }

  void cut_all(const std::string& direction, std::size_t total, const std::string& way) {
    for (std::size_t at = 0; at <= total; at += step(direction, at)) {
      cut({direction, at, way, true});
      if (at % 8 == 0 || sample_) cut({direction, at, way, false});
    }
  }

  /// In a sample: the octets around the end of each message and of each final reply, few elsewhere.
  [[nodiscard]] std::size_t step(const std::string& direction, std::size_t at) const {
    if (!sample_) return 1;
    const auto& marks = direction == "in" ? marks_.commit : marks_.reply;
    std::size_t next = at + 61;
    for (const std::size_t mark : marks) {
      for (const std::size_t near : {mark - 1, mark, mark + 1}) {
        if (near > at) next = std::min(next, near);
      }
    }
    return next - at;
  }

  void cut(const Cut& cut) {
    ++counts_.cases;
    const std::string where = "connection " + std::to_string(peer_.connections() + 1) +
                              (cut.once ? "" : "+") + " cut " + cut.direction + " " +
                              std::to_string(cut.at) + " " + cut.way + "\n";
    peer_.follow(where);
    const fs::path outbox = scratch_.path() / ("outbox-" + std::to_string(counts_.cases));
    std::vector<EntryId> ids;
    Client client = send_all(outbox, ids);
    peer_.follow("");
    const std::vector<State> before = judge_all(client, ids, cut);
    judge_doubts(before, cut);
    flush(client, ids, before, cut);
    client.stop();
    fs::remove_all(outbox);
  }

  /// The server says nothing more after its word on the first message, which has shown that the
  /// line outlives one; the user leaves Emacs when all that may be on the way is, and comes back.
  void leave_while_it_stalls() {
    ++counts_.cases;
    const int on_the_way = std::min(series_.window, static_cast<int>(messages) - 1);
    const Cut cut{"out", marks_.reply[1] - 1, "stall", true};
    peer_.follow("cut out " + std::to_string(cut.at) + " stall\n");
    const fs::path outbox = scratch_.path() / "stalled";
    const auto ids = queue(outbox, settings_, messages);
    Client client(outbox);
    client.until(peer_, [&] {
      return client.state(ids[0]) == State::sent && client.engine().running().second >= on_the_way;
    });
    client.stop();
    peer_.follow("");
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const bool goes = i > 0 && i <= static_cast<std::size_t>(on_the_way);
      const State left = client.state_on_disk(ids[i]);
      expect(i == 0 ? left == State::sent
                    : left == State::deferred || left == State::in_doubt || left == State::queued,
             cut, "left as " + std::string(sendonce::outbox::state_name(left)));
      expect((left == State::in_doubt) == goes, cut, "not all that were on the way, or others");
    }
    client.open();
    for (auto i = static_cast<std::size_t>(on_the_way) + 1; i < ids.size(); ++i)
      client.wait(ids[i]);
    const std::vector<State> before = judge_all(client, ids, cut);
    judge_doubts(before, cut);
    flush(client, ids, before, cut);
    client.stop();
  }

  int times(Client& client, EntryId id) {
    const auto entry = client.engine().outbox().entry(id);
    if (!entry || !entry->has_value()) die("an entry is lost");
    return peer_.times((*entry)->message_id);
  }

  std::vector<State> judge_all(Client& client, const std::vector<EntryId>& ids, const Cut& cut) {
    std::vector<State> states;
    states.reserve(ids.size());
    for (const EntryId id : ids) states.push_back(judge(client, id, cut));
    return states;
  }

  State judge(Client& client, EntryId id, const Cut& cut) {
    const State state = client.state(id);
    const int has = times(client, id);
    const std::string who = "message " + std::to_string(id);
    if (state == State::sent) {
      ++counts_.sent;
      expect(has == 1, cut, who + " is sent, and in the ledger " + std::to_string(has) + " times");
    } else if (state == State::deferred) {
      ++counts_.deferred;
      expect(has == 0, cut, who + " is deferred, and in the ledger");
    } else if (state == State::in_doubt) {
      ++(has == 1 ? counts_.doubt_has : counts_.doubt_has_not);
      expect(has <= 1, cut, who + " is in doubt, and in the ledger twice");
    } else {
      expect(false, cut, who + " is " + std::string(sendonce::outbox::state_name(state)));
    }
    return state;
  }

  void judge_doubts(const std::vector<State>& states, const Cut& cut) {
    const auto doubts = std::count(states.begin(), states.end(), State::in_doubt);
    const int others = static_cast<int>(messages - 1);  // each may meet its own cut
    if (cut.once) counts_.most_doubts = std::max(counts_.most_doubts, doubts);
    expect(doubts <= series_.window + (cut.once ? 0 : others), cut, "too many are in doubt");
    if (cut.direction == "in" && cut.at < marks_.first_mail)
      expect(doubts == 0, cut, "in doubt, and no message was begun");
    if (cut.direction != "out") return;
    for (std::size_t i = 0; i < messages; ++i) {
      if (cut.at >= marks_.reply[i])
        expect(states[i] == State::sent, cut, "not sent, and the final reply had come");
    }
  }

  /// Afterwards everybody has it once, or it is in doubt and was not sent again.
  void flush(Client& client, const std::vector<EntryId>& ids, const std::vector<State>& before,
             const Cut& cut) {
    const auto due = client.engine().flush(std::nullopt);
    if (!due) die(due.error().message);
    expect(*due == std::count(before.begin(), before.end(), State::deferred), cut,
           "the flush took others than those deferred");
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (before[i] == State::deferred) client.wait(ids[i]);
    }
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const State after = client.state(ids[i]);
      const int has = times(client, ids[i]);
      const bool good = before[i] == State::in_doubt ? after == before[i] && has <= 1
                                                     : after == State::sent && has == 1;
      expect(good, cut,
             "message " + std::to_string(ids[i]) + " is " +
                 std::string(sendonce::outbox::state_name(after)) + " after the flush, and there " +
                 std::to_string(has) + " times");
    }
  }

  void expect(bool good, const Cut& cut, const std::string& what) {
    if (good) return;
    ++counts_.wrong;
    std::printf("WRONG %s, cut %s %zu %s%s: %s\n", series_.name().c_str(), cut.direction.c_str(),
                cut.at, cut.way.c_str(), cut.once ? "" : " on every line", what.c_str());
  }

  const Series series_;
  const bool sample_;
  Scratch scratch_;
  Peer peer_;
  std::string settings_;
  Landmarks marks_;
  Counts counts_;
};

}  // namespace
}  // namespace fault

int main(int count, char** arguments) {
  using namespace fault;  // NOLINT(google-build-using-namespace)
  const bool sample = count > 1 && std::strcmp(arguments[1], "--sample") == 0;
  Counts all;
  for (const char* tls : {"implicit", "starttls", "plain"}) {
    for (const Series& series :
         {Series{tls, "DATA", 1, true}, Series{tls, "BDAT", 1, true}, Series{tls, "BDAT", 3, true},
          Series{tls, "DATA", 1, false}, Series{tls, "BDAT", 1, false}}) {
      const Counts one = Matrix(series, sample).run();
      all.cases += one.cases;
      all.sent += one.sent;
      all.deferred += one.deferred;
      all.doubt_has += one.doubt_has;
      all.doubt_has_not += one.doubt_has_not;
      all.wrong += one.wrong;
    }
  }
  std::printf(
      "%d queues of 3: %d sent, %d deferred and sent by the flush, %d in doubt (the server has %d "
      "of these); %d wrong\n",
      all.cases, all.sent, all.deferred, all.doubt_has + all.doubt_has_not, all.doubt_has,
      all.wrong);
  return all.wrong == 0 ? 0 : 1;
}
