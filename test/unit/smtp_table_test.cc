// The table of transitions: every state x event has a defined end, the state that follows is the
// one the table names, and INTERNALS.org prints this very table.

#include "smtp/session_table.hh"

#include <fstream>
#include <sstream>

#include "smtp_driver.hh"

namespace sendonce::smtp {
namespace {

struct Way {
  State state;
  std::vector<std::string> answers;  // that lead there
  SessionOptions options = plain_options();
  std::vector<std::string> pieces = {"A: b\n\nhi\n"};
};

SessionOptions signing_in() {
  SessionOptions options = plain_options();
  options.sign_in = true;
  return options;
}

SessionOptions starting_tls() {
  SessionOptions options;
  options.tls = TlsMode::starttls;
  return options;
}

const std::string chunking_ehlo = "250-me\r\n250 CHUNKING\r\n";
const std::string large(70000, 'x');

/// A way into every state that awaits a reply; several where the dialogue differs.
std::vector<Way> ways() {
  return {
      {State::greeting, {}},
      {State::ehlo, {greeting}},
      {State::helo, {greeting, "502 no\r\n"}},
      {State::starttls, {greeting, "250-me\r\n250 STARTTLS\r\n"}, starting_tls()},
      {State::auth, {greeting, "250-me\r\n250 AUTH PLAIN LOGIN\r\n"}, signing_in()},
      {State::mail, {greeting, bare_ehlo}},
      {State::mail, {greeting, pipelining_ehlo}},
      {State::mail, {greeting, full_ehlo}},
      {State::rcpt, {greeting, bare_ehlo, ok}},
      {State::rcpt, {greeting, pipelining_ehlo, ok}},
      {State::rcpt, {greeting, full_ehlo, ok}},
      {State::data, {greeting, bare_ehlo, ok, ok}},
      {State::data, {greeting, pipelining_ehlo, ok, ok}},
      {State::data, {greeting, pipelining_ehlo, ok, "550 no\r\n"}},
      {State::chunk, {greeting, full_ehlo, ok, ok}, plain_options(), {large, "b\n"}},
      {State::chunk, {greeting, chunking_ehlo, ok, ok}, plain_options(), {large, "b\n"}},
      {State::end_of_data, {greeting, bare_ehlo, ok, ok, "354 go\r\n"}},
      {State::end_of_data, {greeting, chunking_ehlo, ok, ok}},
      {State::end_of_data, {greeting, full_ehlo, ok, ok}},
      {State::void_end, {greeting, pipelining_ehlo, ok, "550 no\r\n354 go\r\n"}},
      {State::rset, {greeting, bare_ehlo, ok, "550 no\r\n"}},
  };
}

/// What the server does to cause an event; nullopt for those that need no words.
std::optional<std::string> words(State state, Event event) {
  const bool shakes = state == State::greeting || state == State::starttls;
  switch (event) {
    case Event::positive:
      return shakes                 ? "220 x\r\n"
             : state == State::auth ? "235 x\r\n"
             : state == State::data ? ""
                                    : "250 x\r\n";
    case Event::intermediate:
      return state == State::auth ? "334 eA==\r\n" : state == State::data ? "354 x\r\n" : "";
    case Event::transient:
      return "451 4.0.0 x\r\n";
    case Event::permanent:
      return "550 5.0.0 x\r\n";
    case Event::closing:
      return "421 4.0.0 x\r\n";
    case Event::garbage:
      return "what?\r\n";
    case Event::early:
    case Event::lost:
      return std::nullopt;
  }
  return std::nullopt;
}

void go(Driver& driver, const Way& way) {
  driver.pieces = way.pieces;
  driver.converse(way.answers);
  ASSERT_EQ(driver.session.state(), way.state);
}

/// After EVENT in the state WAY leads to: a defined end, at most one outcome, the state the table
/// says.
void expect_end(const Way& way, Event event) {
  const auto said = words(way.state, event);
  if (said && said->empty())
    return;  // no reply of that class fits there: garbage, which has its own case
  if (event == Event::early) return;  // needs a reply before its command: smtp_session_test
  Driver driver(way.options);
  go(driver, way);
  if (said) {
    driver.session.receive(*said);
  } else {
    driver.session.lost({Cause::timed_out, Phase::none, "late", ""});
  }
  const Transition& cell = transition(way.state, event);
  if (cell.next != follows && driver.session.state() != way.state) {
    EXPECT_EQ(driver.session.state(), cell.next)
        << state_name(way.state) << " x " << event_name(event);
  }
  const bool listens = driver.advance();
  EXPECT_TRUE(listens || driver.ended || driver.session.reusable())
      << state_name(way.state) << " x " << event_name(event);
  EXPECT_LE(driver.outcomes.size(), 1U);
  for (const auto& outcome : driver.outcomes) {
    if (outcome[0].verdict == Verdict::accepted) {
      EXPECT_EQ(way.state, State::end_of_data);
    }
    if (outcome[0].verdict == Verdict::in_doubt) {
      EXPECT_GT(driver.commit_point, 0U);
    }
  }
}

TEST(Table, EveryStateAndEventHasADefinedEnd) {
  for (const Way& way : ways()) {
    for (int event = 0; event < event_count; ++event) expect_end(way, static_cast<Event>(event));
  }
}

TEST(Table, TwoHundredsThatDoNotFitAreGarbage) {
  for (const Way& way : ways()) {
    for (const char* reply : {"250 x\r\n", "220 x\r\n", "235 x\r\n", "334 eA==\r\n", "354 x\r\n"}) {
      Driver driver(way.options);
      go(driver, way);
      driver.session.receive(reply);
      driver.advance();
      const int code = (reply[0] - '0') * 100 + (reply[1] - '0') * 10 + (reply[2] - '0');
      if (!fits(way.state, code)) {
        EXPECT_TRUE(driver.ended.has_value()) << state_name(way.state) << " " << reply;
      }
    }
  }
}

TEST(Table, LosesTheLineAfterEachReplyWithAnEnd) {
  for (const Way& way : ways()) {
    for (const char* reply : {"250 x\r\n", "451 x\r\n", "550 x\r\n", "354 x\r\n"}) {
      Driver driver(way.options);
      go(driver, way);
      driver.hear(reply);
      driver.session.lost({Cause::connection_lost, Phase::none, "cut", ""});
      driver.advance();
      EXPECT_TRUE(driver.ended.has_value()) << state_name(way.state) << " " << reply;
      EXPECT_LE(driver.outcomes.size(), 1U);
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

TEST(Table, IsPrintedInInternals) {
  std::ifstream file(std::string(SENDONCE_SOURCE_DIR) + "/module/INTERNALS.org");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_NE(text.str().find(printed_table()), std::string::npos)
      << "module/INTERNALS.org must have:\n"
      << printed_table();
}

}  // namespace
}  // namespace sendonce::smtp
