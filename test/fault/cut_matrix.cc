// The cut matrix: the line is cut after every octet of a dialogue, in both directions, in every
// way, and what the outbox says afterwards is held against what the server has.
//
//   cut-matrix [--sample]      prints a line a series and the counts; 0 if nothing was wrong
//
// For each case one message is sent with the cut, then flushed without it.  Wrong is: `sent` and
// not in the ledger; `deferred` or `failed` and in the ledger; in the ledger twice; lost after the
// flush; `in-doubt` where the commit point cannot have been passed, or where the final reply was
// read whole.

#include <cstdio>
#include <cstring>

#include "driver.hh"

namespace fault {
namespace {

using sendonce::outbox::State;

struct Series {
  std::string tls;
  std::string framing;  // DATA or BDAT
  bool pipelining;
  bool kept = false;  // the line is kept after a message, until Emacs is left
  std::string name() const {
    return tls + " " + framing + (pipelining ? " pipelined" : " line by line") +
           (kept ? ", kept" : "");
  }
};

/// Offsets of a whole dialogue, in octets of SMTP.
struct Landmarks {
  std::size_t in_total = 0;
  std::size_t out_total = 0;
  std::size_t flight = 0;  // of `in`: where the flight begins that holds the commit point
  std::size_t commit = 0;  // of `in`: the end of the message
  std::size_t asked = 0;   // of `out`: the replies that must be read before that flight can begin
  std::size_t final_end = 0;  // of `out`: the end of the final reply
  std::size_t final_begin = 0;
};

struct Counts {
  int cases = 0, sent = 0, deferred = 0, doubt_has = 0, doubt_has_not = 0, wrong = 0;
};

std::size_t place(const std::string& text, const std::string& what) {
  const std::size_t at = text.find(what);
  if (at == std::string::npos) die("no \"" + what + "\" in the recorded dialogue:\n" + text);
  return at;
}

std::vector<std::string> options_of(const Series& series) {
  std::vector<std::string> options = {"--tls", series.tls};
  if (series.framing == "DATA") options.emplace_back("--no-chunking");
  if (!series.pipelining) options.emplace_back("--no-pipelining");
  return options;
}

/// From the dialogue of one send without a cut.
Landmarks survey(const Series& series, const std::string& in, const std::string& out) {
  Landmarks marks;
  marks.in_total = in.size();
  marks.out_total = out.size();
  marks.commit = place(in, "QUIT\r\n");
  marks.final_begin = place(out, "250 2.0.0 Ok: queued");
  marks.final_end = out.find("\r\n", marks.final_begin) + 2;
  const bool one_flight = series.framing == "BDAT" && series.pipelining;
  marks.flight = one_flight ? place(in, "MAIL FROM")
                            : place(in, series.framing == "BDAT" ? "BDAT" : "From: a@b");
  marks.asked = one_flight ? place(out, "250 2.1.0") : marks.final_begin;
  return marks;
}

class Matrix {
 public:
  Matrix(const Series& series, bool sample)
      : series_(series),
        sample_(sample),
        peer_(scratch_.path() / "peer",
              [&] {
                auto options = options_of(series);
                options.emplace_back("--record");
                return options;
              }()),
        client_(scratch_.path() / "outbox"),
        settings_(settings_for(peer_, series.tls) + (series.kept ? "keep-alive=60\n" : "")) {}

  Counts run() {
    take_landmarks();
    for (const char* way : {"drop", "reset", "stall"}) {
      for (std::size_t at = 0; at <= marks_.in_total; at += step(at, false)) cut("in", at, way);
      for (std::size_t at = 0; at <= marks_.out_total; at += step(at, true)) cut("out", at, way);
    }
    if (series_.tls != "plain") cut_transport();
    client_.stop();
    std::printf(
        "%-34s %6d cases: %5d sent, %5d deferred then sent, %4d in doubt (%d there, %d not), %d "
        "wrong\n",
        series_.name().c_str(), counts_.cases, counts_.sent, counts_.deferred,
        counts_.doubt_has + counts_.doubt_has_not, counts_.doubt_has, counts_.doubt_has_not,
        counts_.wrong);
    (void)std::fflush(stdout);
    return counts_;
  }

 private:
  void take_landmarks() {
    const int before = peer_.ends();
    const auto id = client_.send(settings_, {"r@s.example"});
    client_.wait(id);
    if (series_.kept) let_go();
    peer_.wait_for_end(before);
    if (client_.state(id) != State::sent) die("the send without a cut failed: " + series_.name());
    marks_ = survey(series_, slurp(peer_.directory() / "dialogue-1.in"),
                    slurp(peer_.directory() / "dialogue-1.out"));
  }

  /// The line that rests is ended, so that the next message has one of its own.
  void let_go() {
    client_.stop();
    client_.open();
  }

  /// In a sample: every octet from the last one before the final reply to its end, few elsewhere.
  std::size_t step(std::size_t at, bool out) const {
    if (!sample_) return 1;
    const bool near =
        out ? at + 1 >= marks_.final_begin && at <= marks_.final_end : at + 1 >= marks_.commit;
    return near && !out ? 1 : near ? 7 : 37;
  }

  /// Octets of TLS: their landmarks are not known, so only what must hold everywhere is asked.
  void cut_transport() {
    const std::size_t step = sample_ ? 401 : 7;
    for (const char* direction : {"rawin", "rawout"}) {
      for (std::size_t at = 0; at < 4000; at += step) cut(direction, at, at % 2 ? "drop" : "reset");
    }
  }

  bool stalls_for_good(const std::string& direction, std::size_t at) const {
    return direction == "out" ? at < marks_.final_end : at <= marks_.commit;
  }

  void cut(const std::string& direction, std::size_t at, const std::string& way) {
    const int had = peer_.accepted();
    const int cuts = peer_.cuts();
    peer_.follow("cut " + direction + " " + std::to_string(at) + " " + way + "\n");
    const auto id = client_.send(settings_, {"r@s.example"});
    if (way == "stall" && stalls_for_good(direction, at)) {
      peer_.wait_for_cut(cuts);
      client_.stop();  // the user leaves Emacs, and comes back
      peer_.follow("");
      const State left = client_.state_on_disk(id);
      client_.open();
      judge(id, left, {direction, at, way}, had);
    } else {
      client_.wait(id);
      peer_.follow("");
      judge(id, client_.state(id), {direction, at, way}, had);
    }
    if (series_.kept) let_go();
  }

  struct Cut {
    std::string direction;
    std::size_t at;
    std::string way;
  };

  void judge(sendonce::engine::EntryId id, State state, const Cut& cut, int had) {
    ++counts_.cases;
    switch (state) {
      case State::sent:
        ++counts_.sent;
        expect(peer_.accepted() - had == 1, cut, "sent, and not in the ledger once");
        break;
      case State::deferred:
        ++counts_.deferred;
        expect(may_be_deferred(cut), cut, "deferred, though it must have been accepted");
        break;
      case State::in_doubt:
        ++(peer_.accepted() - had == 1 ? counts_.doubt_has : counts_.doubt_has_not);
        expect(may_be_in_doubt(cut), cut, "in doubt, where there can be none");
        break;
      default:
        expect(false, cut, "state " + std::string(sendonce::outbox::state_name(state)));
    }
    flush(id, state, cut, had);
  }

  /// Afterwards everybody has it once, or it is in doubt and was not sent again.
  void flush(sendonce::engine::EntryId id, State before, const Cut& cut, int had) {
    auto due = client_.engine().flush(id);
    if (!due) die(due.error().message);
    if (before == State::deferred) {
      client_.wait(id);
      expect(client_.state(id) == State::sent, cut, "not sent by the flush");
      expect(peer_.accepted() - had == 1, cut, "not in the ledger once after the flush");
    } else {
      expect(*due == 0, cut, "the flush took what was sent or in doubt");
      expect(client_.state(id) == before, cut, "the flush changed it");
      expect(peer_.accepted() - had <= 1, cut, "a duplicate");
    }
  }

  bool may_be_in_doubt(const Cut& cut) const {
    if (cut.direction == "in") return cut.at >= marks_.flight;
    if (cut.direction == "out") return cut.at >= marks_.asked && cut.at < marks_.final_end;
    return true;
  }

  bool may_be_deferred(const Cut& cut) const {
    if (cut.direction == "in") return cut.at < marks_.commit;
    if (cut.direction == "out") return cut.at <= marks_.final_begin;
    return true;
  }

  void expect(bool good, const Cut& cut, const std::string& what) {
    if (good) return;
    ++counts_.wrong;
    std::printf("WRONG %s, cut %s %zu %s: %s\n", series_.name().c_str(), cut.direction.c_str(),
                cut.at, cut.way.c_str(), what.c_str());
  }

  const Series series_;
  const bool sample_;
  Scratch scratch_;
  Peer peer_;
  Client client_;
  std::string settings_;
  Landmarks marks_;
  Counts counts_;
};

}  // namespace
}  // namespace fault

int main(int count, char** arguments) {
  using namespace fault;  // NOLINT(google-build-using-namespace)
  const bool sample = count > 1 && std::strcmp(arguments[1], "--sample") == 0;
  std::vector<Series> series;
  for (const char* tls : {"implicit", "starttls", "plain"}) {
    for (const char* framing : {"DATA", "BDAT"}) {
      for (const bool pipelining : {true, false}) series.push_back({tls, framing, pipelining});
    }
    series.push_back({tls, "DATA", true, true});
    series.push_back({tls, "BDAT", true, true});
  }
  Counts all;
  for (const Series& each : series) {
    const Counts one = Matrix(each, sample).run();
    all.cases += one.cases;
    all.sent += one.sent;
    all.deferred += one.deferred;
    all.doubt_has += one.doubt_has;
    all.doubt_has_not += one.doubt_has_not;
    all.wrong += one.wrong;
  }
  std::printf(
      "%d cases: %d sent, %d deferred and sent by the flush, %d in doubt (the server has %d of "
      "these); %d wrong\n",
      all.cases, all.sent, all.deferred, all.doubt_has + all.doubt_has_not, all.doubt_has,
      all.wrong);
  return all.wrong == 0 ? 0 : 1;
}
