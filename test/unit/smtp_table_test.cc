// The table of transitions: every state x event has a defined end, the state that follows is the
// one the table names, and INTERNALS.org prints this very table.
//
// A Way brings a session into a state; each thing a server may do there is then done once.  Where
// the table says `follows`, the Way names the state that must follow.

#include "smtp/session_table.hh"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "base/text.hh"
#include "smtp_driver.hh"

namespace sendonce::smtp {
namespace {

/// Where a session of this Way goes from a `follows` cell.
using Goes = std::map<Event, State>;

struct Way {
  State state;
  std::vector<std::string> answers;  // that lead there, each when input is needed
  Goes goes;
  std::string last = {};  // heard without going on: leads to a state in which the owner must act
  SessionOptions options = plain_options();
  std::vector<std::string> pieces = {"A: b\n\nhi\n"};
  std::size_t recipients = 1;
  void (*prepare)(Session&) = nullptr;  // after all that
};

SessionOptions with(TlsMode tls, bool sign_in = false) {
  SessionOptions options;
  options.tls = tls;
  options.sign_in = sign_in;
  return options;
}

const SessionOptions plain = plain_options();
const SessionOptions signing_in = with(TlsMode::none, true);
const SessionOptions starting_tls = with(TlsMode::starttls);
const SessionOptions trying_tls = with(TlsMode::opportunistic);

const std::string chunking_ehlo = "250-me\r\n250 CHUNKING\r\n";
const std::string starttls_ehlo = "250-me\r\n250 STARTTLS\r\n";
const std::string auth_ehlo = "250-me\r\n250 AUTH PLAIN LOGIN\r\n";
const std::string unproven_ehlo = "250-me\r\n250 AUTH " + std::string(unproven) + "\r\n";
const std::string no = "550 5.1.1 no\r\n";
const std::string go_on = "354 go\r\n";
const std::vector<std::string> large = {std::string(70000, 'x'), "b\n"};
const std::vector<std::string> small = {"A: b\n\nhi\n"};

/// The first piece is given to the session, and not (yet) to the kernel.
void hold_back_chunk(Session& session) { session.body("A: b\n", false); }
void hold_back_end(Session& session) { session.body("A: b\n", true); }
void hold_back_last_octet(Session& session) {
  session.body("A: b\n", true);
  for (;;) {
    const Output output = session.next();
    if (!std::holds_alternative<Send>(output)) continue;
    const auto& send = std::get<Send>(output);
    session.sent(send.bytes.size() - (send.completes ? 1 : 0));
    if (send.completes) return;
  }
}

constexpr Event positive = Event::positive;
constexpr Event intermediate = Event::intermediate;
constexpr Event transient = Event::transient;
constexpr Event permanent = Event::permanent;

/// If the reply is a refusal (of either sort), the session goes to STATE.
Goes refused(State state) { return {{transient, state}, {permanent, state}}; }
Goes any(State accepted, State refused) {
  return {{positive, accepted}, {transient, refused}, {permanent, refused}};
}

std::vector<Way> ways_before_a_message() {
  return {
      {State::greeting, {}, {}},
      {State::ehlo, {greeting}, {{positive, State::idle}, {permanent, State::helo}}},
      {State::ehlo,
       {greeting},
       {{positive, State::sign_in}, {permanent, State::ended}},
       "",
       signing_in},
      {State::ehlo,
       {greeting},
       {{positive, State::ended}, {permanent, State::ended}},
       "",
       starting_tls},
      {State::ehlo,
       {greeting},
       {{positive, State::idle}, {permanent, State::helo}},
       "",
       trying_tls},
      {State::ehlo,
       {greeting, starttls_ehlo, "220 go\r\n"},
       {{positive, State::idle}, {permanent, State::ended}},
       "",
       starting_tls},
      {State::ehlo,
       {greeting, starttls_ehlo, "220 go\r\n"},
       {{positive, State::idle}, {permanent, State::ended}},
       "",
       trying_tls},
      {State::ehlo,
       {greeting},
       {{positive, State::idle}, {permanent, State::ended}},
       "",
       with(TlsMode::implicit)},
      {State::helo, {greeting, "502 no\r\n"}, {{positive, State::idle}}},
      {State::starttls, {greeting, starttls_ehlo}, refused(State::ended), "", starting_tls},
      {State::starttls, {greeting, starttls_ehlo}, refused(State::idle), "", trying_tls},
      {State::auth, {greeting, auth_ehlo}, {{positive, State::idle}}, "", signing_in},
      {State::auth,
       {greeting, auth_ehlo, "334 eA==\r\n"},
       {{positive, State::idle}},
       "",
       signing_in},
      {State::alive,
       {greeting, unproven_ehlo, "235 yes\r\n"},
       any(State::idle, State::idle),
       "",
       signing_in},
      {State::handshake, {greeting, starttls_ehlo}, {}, "220 go\r\n", starting_tls},
      {State::handshake, {}, {}, "", with(TlsMode::implicit), small, 1, [](Session&) {}},
      {State::sign_in, {greeting}, {}, auth_ehlo, signing_in},
      {State::sign_in, {greeting, auth_ehlo}, {}, "535 no\r\n", signing_in},
      {State::challenged, {greeting, auth_ehlo}, {}, "334 eA==\r\n", signing_in},
      {State::idle, {greeting}, {}, bare_ehlo},
      {State::quit, {greeting}, {}, bare_ehlo, plain, small, 1, [](Session& s) { s.quit(); }},
  };
}

std::vector<Way> ways_through_an_envelope() {
  return {
      {State::mail, {greeting, bare_ehlo}, refused(State::idle)},
      {State::mail, {greeting, pipelining_ehlo}, refused(State::rcpt)},
      {State::mail, {greeting, chunking_ehlo}, refused(State::idle)},
      {State::mail, {greeting, full_ehlo}, refused(State::rcpt)},
      {State::mail, {greeting, full_ehlo}, refused(State::rcpt), "", plain, large},
      {State::rcpt, {greeting, bare_ehlo, ok}, any(State::data, State::rset)},
      {State::rcpt, {greeting, bare_ehlo, ok}, any(State::rcpt, State::rcpt), "", plain, small, 2},
      {State::rcpt,
       {greeting, bare_ehlo, ok, no},
       any(State::data, State::rset),
       "",
       plain,
       small,
       2},
      {State::rcpt,
       {greeting, bare_ehlo, ok, ok},
       any(State::data, State::data),
       "",
       plain,
       small,
       2},
      {State::rcpt, {greeting, pipelining_ehlo, ok}, any(State::data, State::data)},
      {State::rcpt, {greeting, pipelining_ehlo, no}, any(State::data, State::data)},
      {State::rcpt, {greeting, chunking_ehlo, ok}, any(State::body, State::rset)},
      {State::rcpt, {greeting, full_ehlo, ok}, any(State::end_of_data, State::end_of_data)},
      {State::rcpt, {greeting, full_ehlo, no}, any(State::end_of_data, State::end_of_data)},
      {State::rcpt, {greeting, full_ehlo, ok}, any(State::body, State::rset), "", plain, large},
      {State::rcpt, {greeting, full_ehlo, no}, any(State::rset, State::rset), "", plain, large},
      {State::data, {greeting, bare_ehlo, ok, ok}, {{intermediate, State::body}}},
      {State::data, {greeting, pipelining_ehlo, ok, ok}, {{intermediate, State::body}}},
      {State::data, {greeting, pipelining_ehlo, ok, no}, {{intermediate, State::void_end}}},
      {State::data, {greeting, pipelining_ehlo, no, no}, {{intermediate, State::void_end}}},
      {State::data,
       {greeting, pipelining_ehlo, ok, ok + no},
       {{intermediate, State::body}},
       "",
       plain,
       small,
       2},
      {State::rset, {greeting, bare_ehlo, ok, no}, any(State::idle, State::ended)},
      {State::rset, {greeting, pipelining_ehlo, ok, ok, no}, any(State::idle, State::ended)},
      {State::rset,
       {greeting, full_ehlo, ok, no},
       any(State::idle, State::ended),
       "",
       plain,
       large},
  };
}

std::vector<Way> ways_through_a_body() {
  const Goes committed = any(State::end_of_data, State::end_of_data);
  return {
      {State::body, {greeting, bare_ehlo, ok, ok}, {}, go_on},
      {State::body, {greeting, chunking_ehlo, ok}, {}, ok},
      {State::body, {greeting, full_ehlo, ok}, {}, ok, plain, large},
      {State::chunk, {greeting, full_ehlo, ok, ok}, committed, "", plain, large},
      {State::chunk,
       {greeting, chunking_ehlo, ok, ok},
       any(State::body, State::ended),
       "",
       plain,
       large},
      {State::chunk, {greeting, chunking_ehlo, ok}, {}, ok, plain, large, 1, hold_back_chunk},
      {State::chunk, {greeting, full_ehlo, ok}, {}, ok, plain, large, 1, hold_back_chunk},
      {State::end_of_data, {greeting, bare_ehlo, ok, ok, go_on}, refused(State::idle)},
      {State::end_of_data,
       {greeting, bare_ehlo, ok, ok, no, go_on},
       refused(State::idle),
       "",
       plain,
       small,
       2},
      {State::end_of_data, {greeting, pipelining_ehlo, ok, ok, go_on}, refused(State::idle)},
      {State::end_of_data, {greeting, chunking_ehlo, ok, ok}, refused(State::rset)},
      {State::end_of_data, {greeting, full_ehlo, ok, ok}, refused(State::idle)},
      {State::end_of_data, {greeting, full_ehlo, ok, no}, refused(State::idle)},
      {State::end_of_data,
       {greeting, full_ehlo, ok, ok, ok},
       refused(State::idle),
       "",
       plain,
       large},
      {State::end_of_data,
       {greeting, bare_ehlo, ok, ok},
       refused(State::idle),
       go_on,
       plain,
       small,
       1,
       hold_back_end},
      {State::end_of_data,
       {greeting, bare_ehlo, ok, ok},
       refused(State::idle),
       go_on,
       plain,
       small,
       1,
       hold_back_last_octet},
      {State::end_of_data,
       {greeting, chunking_ehlo, ok},
       refused(State::rset),
       ok,
       plain,
       small,
       1,
       hold_back_last_octet},
      {State::void_end, {greeting, pipelining_ehlo, ok, no + go_on}, {}},
  };
}

std::vector<Way> ways() {
  std::vector<Way> all;
  for (const auto& some :
       {ways_before_a_message(), ways_through_an_envelope(), ways_through_a_body()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

void go(Driver& driver, const Way& way) {
  driver.pieces = way.pieces;
  driver.recipients.clear();
  for (std::size_t i = 0; i < way.recipients; ++i)
    driver.recipients.push_back(
        *Address::parse(std::string(1, static_cast<char>('a' + i)) + "@x.y"));
  if (!way.answers.empty() || !way.prepare) driver.converse(way.answers);
  driver.session.receive(way.last);
  if (way.prepare) way.prepare(driver.session);
  if (way.state == State::quit) driver.advance();
  ASSERT_EQ(driver.session.state(), way.state);
}

bool is_resting(State state) { return state >= State::handshake; }

/// Is the reply to this Way's state owed, that is: was its command handed over?
bool is_asked(const Way& way) {
  return !is_resting(way.state) && (!way.prepare || way.state == State::quit);
}

/// Does the server have the message as a whole in the state of WAY?
bool is_whole(const Way& way) {
  Driver driver(way.options);
  go(driver, way);
  return driver.session.committed();
}

/// The event that REPLY must be in the state of WAY, told without the session's help.
Event event_of(const Way& way, const std::string& reply) {
  if (reply.rfind("421", 0) == 0) {
    const bool of_a_part = is_asked(way) && way.state != State::end_of_data && is_whole(way);
    return of_a_part ? transient : Event::closing;
  }
  const bool refusal = reply[0] == '4' || reply[0] == '5';
  const bool streams =
      way.state == State::body || way.state == State::chunk || way.state == State::end_of_data;
  if (!is_asked(way)) return refusal && streams ? Event::early : Event::garbage;
  if (refusal) return reply[0] == '4' ? transient : permanent;
  const std::map<State, std::string> narrow = {{State::greeting, "220"},
                                               {State::starttls, "220"},
                                               {State::auth, "235 334"},
                                               {State::data, "354"}};
  const auto found = narrow.find(way.state);
  const std::string fitting = found == narrow.end() ? "250 220 235" : found->second;
  if (fitting.find(reply.substr(0, 3)) == std::string::npos) return Event::garbage;
  return reply[0] == '2' ? positive : intermediate;
}

/// Where WAY must be after EVENT: as the table says, or, for `follows`, as the Way says.
State expected_state(const Way& way, Event event) {
  const Transition& cell = transition(way.state, event);
  if (cell.next != follows) return cell.next;
  const auto found = way.goes.find(event);
  EXPECT_NE(found, way.goes.end()) << "the Way does not say what follows";
  return found == way.goes.end() ? State::ended : found->second;
}

/// Whatever happened, losing the line ends it, each recipient has one outcome, and nothing is said.
void expect_one_outcome(Driver& driver, const Way& way) {
  driver.session.lost({Cause::connection_lost, Phase::none, "cut", ""});
  const std::size_t said = driver.wire.size();
  driver.advance();
  EXPECT_TRUE(driver.ended.has_value());
  EXPECT_EQ(driver.session.state(), State::ended);
  EXPECT_EQ(driver.wire.size(), said) << driver.wire.substr(said);
  const bool begun = driver.wire.find("MAIL FROM") != std::string::npos;
  ASSERT_EQ(driver.outcomes.size(), begun ? 1U : 0U);
  if (begun) {
    EXPECT_EQ(driver.outcomes[0].size(), way.recipients);
  }
}

/// No outcome is better than EVENT allows.
void expect_honest(const Driver& driver, const Way& way, Event event, bool committed) {
  for (const auto& transaction : driver.outcomes) {
    for (const RecipientOutcome& outcome : transaction) {
      if (outcome.verdict == Verdict::accepted) {
        EXPECT_TRUE(way.state == State::end_of_data && event == positive && committed);
      }
      if (outcome.verdict == Verdict::in_doubt) {
        EXPECT_TRUE(committed || driver.commit_point > 0);
      }
      if (outcome.verdict == Verdict::not_tried) {
        EXPECT_FALSE(committed);
      }
      if (event == Event::early) {
        EXPECT_TRUE(outcome.reply && outcome.reply->reply_class() >= 4) << "a refusal is one";
      }
      EXPECT_TRUE(outcome.reply || outcome.error) << "an outcome says why";
    }
  }
}

template <class Happen>
void expect_cell(const Way& way, Event event, Happen happen) {
  SCOPED_TRACE(std::string(state_name(way.state)) + " x " + std::string(event_name(event)));
  Driver driver(way.options);
  go(driver, way);
  const bool committed = driver.session.committed();
  happen(driver.session);
  EXPECT_EQ(state_name(driver.session.state()), state_name(expected_state(way, event)));
  const std::size_t said = driver.wire.size();
  const bool over = driver.session.state() == State::ended;
  driver.advance();
  if (over) {
    EXPECT_EQ(driver.wire.size(), said) << "says more after the end";
  }
  expect_one_outcome(driver, way);
  expect_honest(driver, way, event, committed);
}

TEST(Cells, EveryReplyInEveryState) {
  for (const Way& way : ways()) {
    for (const char* reply :
         {"220 x\r\n", "235 x\r\n", "250 x\r\n", "250-a\r\n250 b\r\n", "250\r\n", "334 eA==\r\n",
          "354 x\r\n", "421 4.3.2 x\r\n", "450 x\r\n", "451 4.0.0 x\r\n", "500 x\r\n",
          "550 5.0.0 x\r\n", "554-a\r\n554 b\r\n"}) {
      SCOPED_TRACE(reply);
      expect_cell(way, event_of(way, reply), [&](Session& session) { session.receive(reply); });
    }
  }
}

TEST(Cells, GarbageInEveryState) {
  for (const Way& way : ways()) {
    for (const char* bytes : {"what?\r\n", "\xff\xfe\r\n", "250 a\n", "\r\n", "150 x\r\n",
                              "250-a\r\n550 b\r\n", "250 a\rb"}) {
      SCOPED_TRACE(printable(bytes));
      expect_cell(way, Event::garbage, [&](Session& session) { session.receive(bytes); });
    }
  }
}

TEST(Cells, TheLineLostInEveryState) {
  for (const Way& way : ways()) {
    expect_cell(way, Event::lost, [](Session& session) {
      session.lost({Cause::timed_out, Phase::none, "late", ""});
    });
    expect_cell(way, Event::lost, [](Session& session) {
      session.receive("250 a reply that is not who");
      session.lost({Cause::timed_out, Phase::none, "late", ""});
    });
  }
}

TEST(Cells, TheWaysLeadIntoEveryState) {
  for (int state = 0; state < static_cast<int>(State::ended); ++state) {
    const auto all = ways();
    EXPECT_TRUE(std::any_of(all.begin(), all.end(), [&](const Way& way) {
      return way.state == static_cast<State>(state);
    })) << state_name(static_cast<State>(state));
  }
}

TEST(Cells, HaveAnActionAndSayWhere) {
  for (int state = 0; state < state_count; ++state) {
    for (int event = 0; event < event_count; ++event) {
      const Transition& cell = transition(static_cast<State>(state), static_cast<Event>(event));
      EXPECT_NE(cell.run, nullptr);
      EXPECT_FALSE(cell.action.empty());
    }
  }
}

/// The table as INTERNALS.org has it.
std::string printed_table() {
  std::ostringstream out;
  out << "| state |";
  for (int event = 0; event < event_count; ++event)
    out << " " << event_name(static_cast<Event>(event)) << " |";
  out << "\n|---|\n";
  for (int state = 0; state < static_cast<int>(State::ended); ++state) {
    out << "| " << state_name(static_cast<State>(state)) << " |";
    for (int event = 0; event < event_count; ++event) {
      out << " " << transition_text(static_cast<State>(state), static_cast<Event>(event)) << " |";
    }
    out << "\n";
  }
  return out.str();
}

std::string source_directory() {
#ifdef SENDONCE_SOURCE_DIR
  return SENDONCE_SOURCE_DIR;
#else
  const char* directory = std::getenv("SENDONCE_SOURCE_DIR");  // NOLINT(concurrency-mt-unsafe)
  return directory ? directory : ".";
#endif
}

/// What INTERNALS.org has between the two markers; "" without them.
std::string documented_table() {
  std::ifstream file(source_directory() + "/module/INTERNALS.org");
  std::stringstream text;
  text << file.rdbuf();
  const std::string all = text.str();
  const std::string begin = "# begin session table\n";
  const std::size_t from = all.find(begin);
  const std::size_t to = all.find("# end session table\n");
  if (from == std::string::npos || to == std::string::npos || to < from) return "";
  return all.substr(from + begin.size(), to - from - begin.size());
}

TEST(Table, IsPrintedInInternals) {
  EXPECT_EQ(documented_table(), printed_table())
      << "module/INTERNALS.org must have between its markers:\n"
      << printed_table();
}

}  // namespace
}  // namespace sendonce::smtp
