#include "scenario.hh"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>

#include "envelope.hh"

namespace peer {
namespace {

constexpr std::string_view help_text = R"help(Scenarios
  One directive a line; # starts a comment.  The file is read anew whenever a client connects, so a
  running peer takes another scenario by replacing the file (rename it into place).
  A directive may be limited to some connections, counted from 1 since the peer started:
    connection N | N+ | N-M  DIRECTIVE

  Rules:  at POINT [MECHANISM] [N | N+ | N-M] [when TEXT]: ACTION; ACTION ...
    POINT   greeting, tls (before the handshake, implicit or after STARTTLS), EHLO, HELO, STARTTLS,
            AUTH, MAIL, RCPT, DATA, BDAT (the octets of the chunk are in), EOD (the end of data is
            in: the dot line, or the last octet of BDAT LAST), RSET, NOOP, VRFY, HELP, QUIT,
            unknown (any other command), AUTH-response (a line of the client's in the course of
            a sign-in, after the AUTH command with its initial response)
    MECHANISM  at AUTH and AUTH-response: only with this one, as in "at AUTH CRAM-MD5: ..."
    N       only its N-th (from the N-th on; N-th to M-th) arrival on this connection
    when    only if the command's argument has TEXT in it; at EOD and BDAT: the envelope, written
            as in the .env file ("from <a@b>\nto <c@d>\n")
    The first rule in the file that fits replaces what the peer would do.  Actions, in order:
    say "BYTES"       send these bytes at once; escapes \r \n \t \0 \\ \" \xHH.  If the rule's first
                      say starts with 2 or 3, the command takes effect when the rule is done (MAIL
                      opens a transaction, DATA reads content, STARTTLS shakes hands, AUTH is signed
                      in).  EOD is the exception: only `accept' accepts
    repeat N "BYTES"  say them N times over
    say-raw "BYTES"   the same beneath TLS
    apply             the command takes effect now, without a reply
    accept            at EOD: the message goes to the ledger
    refuse | defer    say 554 5.7.1 | 451 4.3.0 with a text
    read              take one line from the client and forget it
    sign-in           the client counts as signed in
    offer-auth "MECHANISMS"   from now on EHLO offers these (none if empty), and AUTH takes no other
    drop-later        drop, as soon as the next command has come in
    delay MS          wait
    continue          what the peer would have done without the rule
    drop              FIN, and no TLS close_notify (what still comes in is read and forgotten)
    drop close-notify TLS close_notify, then FIN
    reset             RST
    stall             neither read nor write until the client closes
    swallow           read and forget, write nothing, until the client closes
    A rule at AUTH-response that does not `continue' ends the sign-in; if it says 2yz, the client is
    signed in, although its mechanism has not come to its end.
    `then' may stand for `;'.  A rule that says nothing and ends nothing gives no reply at all.

  Cuts:  cut in|out|rawin|rawout OFFSET drop|reset|stall|swallow
    in      OFFSET octets of SMTP (decrypted, counted over the whole connection) are taken in and no
            more.  Commands that end before OFFSET are answered; one that ends exactly there takes
            effect (an end of data there is accepted) and its reply is never sent
    out     OFFSET octets of replies are sent and no more; it ends there and then
    rawin   OFFSET octets are read from the socket and no more; all that they complete takes effect,
            and nothing is written any more
    rawout  OFFSET octets are written to the socket and no more
    A message is in the ledger if and only if its end of data was taken in before the cut.

  Pace and capabilities:
    every byte MS              replies go out byte by byte, MS apart, a write (TLS record) each
    output one byte per write  the same without the wait
    rate in N                  read at most N raw octets a second, with a small receive buffer
    replace-capabilities "A" "B C" ...
    add-capability "LIMITS RCPTMAX=2" ...
    remove-capability "CHUNKING" ...

  Examples
    at EOD: accept; drop                         # took it, never said so
    at EOD: say "250 2.0.0 Ok\r\n"; accept; reset
    at RCPT 2 when "bob@": say "452 4.5.3 Later\r\n"
    connection 1 cut out 120 reset
    at STARTTLS: say "220 Go\r\n250 injected\r\n"
    at AUTH CRAM-MD5: say "535 5.7.8 No\r\n"       # though the password is right
    at AUTH DIGEST-MD5: continue; drop-later       # 235, and then nothing
    at AUTH-response SCRAM-SHA-256: drop           # in mid-exchange
    at AUTH-response SCRAM-SHA-256: say "235 2.7.0 Early\r\n"
    at EHLO 2+: offer-auth "PLAIN"; continue       # at the second EHLO of a connection
    connection 2+ at EHLO: offer-auth "LOGIN"; continue
)help";

struct Token {
  std::string text;
  bool quoted = false;
};

[[noreturn]] void fail(const std::string& why) { throw ScenarioError(why); }

char hex_escape(std::string_view digits) {
  unsigned value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (digits.size() != 2 || error != std::errc{} || end != digits.data() + 2)
    fail("bad \\x escape");
  return char(value);
}

// Splits one line into words, quoted strings and the marks ':' and ';'.
class Tokenizer {
 public:
  explicit Tokenizer(std::string_view line) : line_(line) {}

  std::vector<Token> all() {
    std::vector<Token> tokens;
    while (skip_space()) tokens.push_back(next());
    return tokens;
  }

 private:
  bool skip_space() {
    while (!line_.empty() && std::isspace(static_cast<unsigned char>(line_.front()))) {
      line_.remove_prefix(1);
    }
    return !line_.empty() && line_.front() != '#';
  }

  Token next() {
    if (line_.front() == '"') return {quoted(), true};
    if (is_mark(line_.front())) return {std::string(1, take()), false};
    std::string word;
    while (!line_.empty() && !std::isspace(static_cast<unsigned char>(line_.front())) &&
           !is_mark(line_.front())) {
      word += take();
    }
    return {word, false};
  }

  static bool is_mark(char c) { return c == ':' || c == ';'; }

  char take() {
    if (line_.empty()) fail("unfinished string");
    const char c = line_.front();
    line_.remove_prefix(1);
    return c;
  }

  std::string quoted() {
    std::string text;
    take();
    for (char c = take(); c != '"'; c = take()) text += c == '\\' ? escape() : c;
    return text;
  }

  char escape() {
    switch (const char c = take()) {
      case 'r':
        return '\r';
      case 'n':
        return '\n';
      case 't':
        return '\t';
      case '0':
        return '\0';
      case '\\':
      case '"':
        return c;
      case 'x': {
        const std::string digits{take(), take()};
        return hex_escape(digits);
      }
      default:
        fail(std::string("unknown escape \\") + c);
    }
  }

  std::string_view line_;
};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return char(std::tolower(c)); });
  return text;
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) {
    fail("not a number: " + std::string(text));
  }
  return value;
}

Range range(std::string_view text) {
  if (text.ends_with('+')) return {number(text.substr(0, text.size() - 1)), Range{}.last};
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return {number(text), number(text)};
  return {number(text.substr(0, dash)), number(text.substr(dash + 1))};
}

std::string point_name(const std::string& word) {
  static constexpr std::array<std::string_view, 18> points = {
      "greeting", "tls",  "EHLO", "HELO", "STARTTLS", "AUTH", "AUTH-response", "MAIL", "RCPT",
      "DATA",     "BDAT", "EOD",  "RSET", "NOOP",     "VRFY", "HELP",          "QUIT", "unknown"};
  for (const std::string_view point : points) {
    if (lower(std::string(point)) == lower(word)) return std::string(point);
  }
  fail("unknown point " + word);
}

std::optional<Ending> ending(const std::string& word) {
  static const std::map<std::string, Ending> endings = {{"drop", Ending::drop},
                                                        {"reset", Ending::reset},
                                                        {"stall", Ending::stall},
                                                        {"swallow", Ending::swallow}};
  const auto found = endings.find(word);
  if (found == endings.end()) return std::nullopt;
  return found->second;
}

Action say(std::string text, std::uint64_t times = 1) {
  return {Verb::say, std::move(text), times, Ending::drop};
}

// Recursive descent over the tokens of one line.
class LineParser {
 public:
  LineParser(std::vector<Token> tokens, Scenario& scenario)
      : tokens_(std::move(tokens)), scenario_(scenario) {}

  void parse() {
    Range connections;
    if (accept("connection")) connections = range(word());
    if (accept("at")) {
      rule(connections);
    } else {
      setting(connections);
    }
    if (!done()) fail("what is this: " + tokens_[at_].text);
  }

 private:
  bool done() const { return at_ == tokens_.size(); }

  bool sees(std::string_view text) const {
    return !done() && !tokens_[at_].quoted && tokens_[at_].text == text;
  }

  bool accept(std::string_view text) {
    if (!sees(text)) return false;
    ++at_;
    return true;
  }

  void expect(std::string_view text) {
    if (!accept(text)) fail("expected '" + std::string(text) + "'");
  }

  const Token& next() {
    if (done()) fail("the line ends too early");
    return tokens_[at_++];
  }

  const std::string& word() { return next().text; }

  std::string string() {
    const Token& token = next();
    if (!token.quoted) fail("expected a quoted string, not " + token.text);
    return token.text;
  }

  std::vector<std::string> strings() {
    std::vector<std::string> list;
    while (!done()) list.push_back(string());
    return list;
  }

  void rule(Range connections) {
    Rule rule;
    rule.connections = connections;
    rule.point = point_name(word());
    if (names_mechanism(rule.point)) rule.mechanism = upper(word());
    if (!sees(":") && !sees("when")) rule.occurrences = range(word());
    if (accept("when")) rule.when = word();
    expect(":");
    do {
      if (!done()) rule.actions.push_back(action());
    } while (accept(";") || accept("then"));
    if (rule.actions.empty()) fail("a rule without an action");
    scenario_.rules.push_back(std::move(rule));
  }

  bool names_mechanism(const std::string& point) const {
    if (!point.starts_with("AUTH") || done() || sees(":") || sees("when")) return false;
    return std::isalpha(static_cast<unsigned char>(tokens_[at_].text.front())) != 0;
  }

  Action action() {
    const std::string verb = word();
    if (verb == "say") return say(string());
    if (verb == "refuse") return say("554 5.7.1 Refused by the scenario\r\n");
    if (verb == "defer") return say("451 4.3.0 Deferred by the scenario\r\n");
    if (verb == "say-raw") return {Verb::say_raw, string(), 1, Ending::drop};
    if (verb == "delay") return {Verb::delay, {}, number(word()), Ending::drop};
    if (verb == "repeat") return repeat();
    if (verb == "offer-auth") return {Verb::offer_auth, string(), 1, Ending::drop};
    if (const auto how = ending(verb)) return {Verb::end, verb, 1, close_notify(*how)};
    return plain(verb);
  }

  Action repeat() {
    const std::uint64_t times = number(word());
    return say(string(), times);
  }

  Ending close_notify(Ending how) {
    return how == Ending::drop && accept("close-notify") ? Ending::drop_notify : how;
  }

  static Action plain(const std::string& verb) {
    static const std::map<std::string, Verb> verbs = {
        {"accept", Verb::accept},   {"apply", Verb::apply},           {"read", Verb::read},
        {"sign-in", Verb::sign_in}, {"drop-later", Verb::drop_later}, {"continue", Verb::proceed}};
    const auto found = verbs.find(verb);
    if (found == verbs.end()) fail("unknown action " + verb);
    return {found->second, {}, 1, Ending::drop};
  }

  void setting(Range connections) {
    Setting setting;
    setting.connections = connections;
    const std::string name = word();
    if (name == "cut") {
      cut(setting);
    } else if (name == "every") {
      expect("byte");
      setting.byte_delay_ms = unsigned(number(word()));
    } else if (name == "output") {
      for (const char* next_word : {"one", "byte", "per", "write"}) expect(next_word);
      setting.byte_delay_ms = 0;
    } else if (name == "rate") {
      expect("in");
      setting.rate_in = std::max<std::uint64_t>(1, number(word()));
    } else {
      capabilities(name, setting);
    }
    scenario_.settings.push_back(std::move(setting));
  }

  void cut(Setting& setting) {
    static const std::map<std::string, Way> ways = {
        {"in", Way::in}, {"out", Way::out}, {"rawin", Way::rawin}, {"rawout", Way::rawout}};
    const auto way = ways.find(word());
    if (way == ways.end()) fail("cut takes in, out, rawin or rawout");
    const std::uint64_t offset = number(word());
    const auto how = ending(word());
    if (!how) fail("cut ends with drop, reset, stall or swallow");
    setting.cuts.at(std::size_t(way->second)) = Cut{offset, close_notify(*how)};
  }

  void capabilities(const std::string& name, Setting& setting) {
    if (name == "replace-capabilities") {
      setting.replace_capabilities = strings();
    } else if (name == "add-capability") {
      setting.add_capabilities = strings();
    } else if (name == "remove-capability") {
      setting.remove_capabilities = strings();
    } else {
      fail("unknown directive " + name);
    }
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  Scenario& scenario_;
};

void parse_line(std::string_view line, Scenario& scenario) {
  std::vector<Token> tokens = Tokenizer(line).all();
  if (!tokens.empty()) LineParser(std::move(tokens), scenario).parse();
}

}  // namespace

Scenario parse_scenario(std::string_view text) {
  Scenario scenario;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    try {
      parse_line(line, scenario);
    } catch (const ScenarioError& error) {
      fail("scenario line " + std::to_string(number) + ": " + error.what());
    }
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return scenario;
}

std::string_view scenario_help() { return help_text; }

}  // namespace peer
