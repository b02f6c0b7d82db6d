#include "dialogue.hh"

#include <algorithm>
#include <array>
#include <charconv>

namespace peer {
namespace {

std::string_view first_word(std::string_view text) { return text.substr(0, text.find(' ')); }

std::string after_first_word(const std::string& text) {
  const std::size_t space = text.find(' ');
  return space == std::string::npos ? "" : text.substr(space + 1);
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The words of `text`, in capitals.
void add_words(std::set<std::string>& words, std::string text) {
  for (; !text.empty(); text = after_first_word(text)) {
    words.insert(upper(std::string(first_word(text))));
  }
}

// The code of a reply that the scenario has given in its own words.
constexpr int said_by_rule = 0;

// Whether the rule's own words mean that the command is carried out.
bool says_yes(const Rule& rule) {
  for (const Action& action : rule.actions) {
    if (action.verb == Verb::apply || action.verb == Verb::proceed) return false;
    if (action.verb != Verb::say) continue;
    return action.text.starts_with('2') || action.text.starts_with('3');
  }
  return false;
}

}  // namespace

Dialogue::Dialogue(const House& house, Connection& connection, Plan& plan, std::uint64_t number)
    : house_(house),
      connection_(connection),
      plan_(plan),
      talk_(connection, house.journal, number),
      number_(number) {}

const Dialogue::Command* Dialogue::find_command(std::string_view verb) {
  static constexpr std::array commands = {
      Command{"EHLO", &Dialogue::ehlo, &Dialogue::nothing, true},
      Command{"HELO", &Dialogue::helo, &Dialogue::nothing, true},
      Command{"STARTTLS", &Dialogue::starttls, &Dialogue::shake_hands, true},
      Command{"AUTH", &Dialogue::auth, &Dialogue::nothing, true},
      Command{"MAIL", &Dialogue::mail, &Dialogue::nothing, false},
      Command{"RCPT", &Dialogue::rcpt, &Dialogue::nothing, false},
      Command{"DATA", &Dialogue::data, &Dialogue::receive_data, true},
      Command{"RSET", &Dialogue::rset, &Dialogue::nothing, false},
      Command{"NOOP", &Dialogue::noop, &Dialogue::nothing, true},
      Command{"VRFY", &Dialogue::vrfy, &Dialogue::nothing, true},
      Command{"HELP", &Dialogue::help, &Dialogue::nothing, true},
      Command{"QUIT", &Dialogue::quit, &Dialogue::goodbye, true},
  };
  for (const Command& command : commands) {
    if (command.verb == verb) return &command;
  }
  return nullptr;
}

void Dialogue::run() {
  open();
  for (;;) step();
}

void Dialogue::open() {
  if (house_.options.tls == TlsMode::implicit) shake_hands();
  if (connection_.talks_early()) talk_.violation("talks before the greeting");
  const Reply hello{220, "", house_.options.greeting_name + " ESMTP sendonce-peer"};
  at("greeting", "", {[&] { talk_.reply(hello); }, [] {}});
}

void Dialogue::step() {
  const std::optional<std::string> line = talk_.command();
  if (!line) return;
  if (drop_later_) throw End{Ending::drop, "after-sign-in"};
  const std::string verb = upper(first_word(*line));
  if (verb == "BDAT") return bdat(after_first_word(*line));
  const Command* known = find_command(verb);
  if (known == nullptr) return unknown(*line);
  check_group(verb, known->ends_group);
  command(*known, after_first_word(*line));
}

void Dialogue::unknown(const std::string& line) {
  const auto refuse = [&] {
    talk_.violation("unknown command: " + line.substr(0, 80));
    talk_.reply({500, "5.5.2", "Unknown command"});
  };
  at("unknown", line, {refuse, [] {}});
}

void Dialogue::check_group(std::string_view verb, bool ends_group) {
  if (!connection_.has_buffered() || (offered("PIPELINING") && !ends_group)) return;
  talk_.violation("pipelined after " + std::string(verb));
}

void Dialogue::command(const Command& command, const std::string& argument) {
  if (command.verb == "MAIL") mail_tried_ = true;
  if (command.verb == "RCPT") rcpt_tried_ = true;
  const auto normal = [&] {
    const Reply reply = (this->*command.carry_out)(argument);
    if (reply.code == said_by_rule) return;
    talk_.reply(reply);
    if (reply.positive()) (this->*command.follow)();
  };
  const auto apply = [&] {
    if (command.verb == "AUTH") {
      user_ = "(by scenario)";
    } else if ((this->*command.carry_out)(argument).positive()) {
      (this->*command.follow)();
    }
  };
  at(command.verb, argument, {normal, apply});
}

void Dialogue::at(std::string_view point, std::string_view argument, const Step& step) {
  const Rule* rule = plan_.arrive(point, argument);
  if (rule == nullptr) return step.normal();
  talk_.log("scenario at " + std::string(point));
  obey(*rule, step);
}

void Dialogue::obey(const Rule& rule, const Step& step) {
  for (const Action& action : rule.actions) perform(action, step);
  if (says_yes(rule)) step.apply();
}

void Dialogue::perform(const Action& action, const Step& step) {
  switch (action.verb) {
    case Verb::say:
      return say(action);
    case Verb::say_raw:
      return connection_.write_raw(action.text);
    case Verb::end:
      end(action);
    case Verb::delay:
      return connection_.wait_and_flush(action.number);
    case Verb::accept:
      accept();
      return;
    case Verb::apply:
      return step.apply();
    case Verb::read:
      talk_.secret();
      return;
    case Verb::sign_in:
      user_ = "(by scenario)";
      return;
    case Verb::offer_auth:
      mechanisms_offer_ = action.text;
      return;
    case Verb::drop_later:
      drop_later_ = true;
      return;
    case Verb::proceed:
      return step.normal();
  }
}

void Dialogue::say(const Action& action) {
  for (std::uint64_t i = 0; i < action.number; ++i) talk_.say(action.text);
  connection_.flush();
}

void Dialogue::end(const Action& action) {
  connection_.flush();
  throw End{action.ending, "rule-" + action.text};
}

// Session commands

Reply Dialogue::ehlo(const std::string& argument) {
  if (house_.options.helo_only) return {502, "5.5.1", "EHLO is not known here"};
  if (argument.empty()) return {501, "5.5.4", "EHLO takes a name"};
  forget_transaction();
  client_name_ = argument;
  offered_.clear();
  mechanisms_.clear();
  std::string text = house_.options.greeting_name + " greets " + argument;
  for (const std::string& capability : capabilities()) {
    text += "\n" + capability;
    offered_.insert(std::string(first_word(capability)));
    if (first_word(capability) == "AUTH") add_words(mechanisms_, after_first_word(capability));
  }
  talk_.set_enhanced(offered("ENHANCEDSTATUSCODES"));
  return {250, "", text};
}

Reply Dialogue::helo(const std::string& argument) {
  if (argument.empty()) return {501, "5.5.4", "HELO takes a name"};
  forget_transaction();
  client_name_ = argument;
  offered_.clear();
  talk_.set_enhanced(false);
  return {250, "", house_.options.greeting_name};
}

std::vector<std::string> Dialogue::capabilities() const {
  const Options& options = house_.options;
  const bool open_to_tls = options.tls == TlsMode::starttls && connection_.tls() == nullptr;
  std::vector<std::string> list;
  if (options.pipelining) list.emplace_back("PIPELINING");
  if (options.size != 0) list.push_back("SIZE " + std::to_string(options.size));
  if (open_to_tls) list.emplace_back("STARTTLS");
  const std::string auth = mechanisms_offer_.value_or(options.auth);
  if (!open_to_tls && !auth.empty()) list.push_back("AUTH " + auth);
  if (options.enhanced) list.emplace_back("ENHANCEDSTATUSCODES");
  if (options.eight_bit_mime) list.emplace_back("8BITMIME");
  if (options.smtp_utf8) list.emplace_back("SMTPUTF8");
  if (options.chunking) list.emplace_back("CHUNKING");
  plan_.edit_capabilities(list);
  return list;
}

Reply Dialogue::starttls(const std::string& argument) {
  if (!offered("STARTTLS")) return out_of_order("STARTTLS", "STARTTLS is not offered");
  if (!argument.empty()) return {501, "5.5.4", "STARTTLS takes no argument"};
  return {220, "2.0.0", "Go ahead"};
}

// Before the greeting (implicit TLS) or after 220 to STARTTLS.
void Dialogue::shake_hands() {
  if (connection_.has_buffered()) {
    connection_.flush();
    throw End{Ending::drop, "plaintext-after-starttls"};
  }
  const auto handshake = [this] {
    connection_.start_tls(house_.credentials);
    talk_.log("TLS: " + connection_.tls()->summary());
    forget_session();
  };
  at("tls", "", {handshake, handshake});
}

Reply Dialogue::auth(const std::string& argument) {
  if (!offered("AUTH")) return out_of_order("AUTH", "AUTH is not offered");
  if (user_) return out_of_order("AUTH", "Signed in already");
  if (envelope_.from) return out_of_order("AUTH", "Not within a transaction");
  SignIn sign_in(talk_, sign_in_ground());
  const std::optional<Reply> reply = sign_in.run(argument);
  if (!reply) return {said_by_rule, "", ""};
  if (reply->positive()) user_ = sign_in.user();
  drop_later_ = drop_later_ || sign_in.layered();
  return *reply;
}

SignInGround Dialogue::sign_in_ground() {
  const TlsSession* tls = connection_.tls();
  return {house_.options.users,
          house_.options.greeting_name,
          house_.options.digest_qop,
          mechanisms_,
          tls ? tls->binding() : std::nullopt,
          tls && tls->has_client_certificate(),
          [this](const std::string& mechanism) { return interrupts(mechanism); }};
}

// A response has come.  Does the scenario end the exchange?
bool Dialogue::interrupts(const std::string& mechanism) {
  bool ends = true;
  const auto go_on = [&] { ends = false; };
  at("AUTH-response", mechanism, {go_on, [this] { user_ = "(by scenario)"; }});
  return ends;
}

Reply Dialogue::rset(const std::string&) {
  forget_transaction();
  return {250, "2.0.0", "Ok"};
}

Reply Dialogue::noop(const std::string&) { return {250, "2.0.0", "Ok"}; }

Reply Dialogue::vrfy(const std::string&) { return {252, "2.0.0", "Send some mail, and see"}; }

Reply Dialogue::help(const std::string&) { return {214, "2.0.0", "See sendonce-peer --help"}; }

Reply Dialogue::quit(const std::string&) { return {221, "2.0.0", "Bye"}; }

void Dialogue::goodbye() {
  connection_.flush();
  if (connection_.muted()) connection_.end_if_cut();
  throw End{Ending::drop_notify, "quit"};
}

void Dialogue::forget_session() {
  forget_transaction();
  client_name_.clear();
  offered_.clear();
  mechanisms_.clear();
  user_.reset();
  talk_.set_enhanced(false);
}

// The envelope

Reply Dialogue::out_of_order(std::string_view verb, const std::string& why) {
  talk_.violation("out of order: " + std::string(verb) + ": " + why);
  return {503, "5.5.1", why};
}

Reply Dialogue::mail(const std::string& argument) {
  if (client_name_.empty()) return out_of_order("MAIL", "EHLO first");
  if (envelope_.from) return out_of_order("MAIL", "A transaction is open");
  if (house_.options.require_auth && !user_) return {530, "5.7.0", "Sign in first"};
  auto path = parse_path("FROM:", argument);
  if (!path) {
    talk_.violation("syntax: MAIL " + argument);
    return {501, "5.5.4", "Syntax: MAIL FROM:<address>"};
  }
  Reply verdict = parameter_verdict(*path);
  if (verdict.positive()) envelope_.from = std::move(path);
  return verdict;
}

Reply Dialogue::parameter_verdict(const Path& path) {
  bool utf8 = false;
  for (const Parameter& parameter : path.parameters) {
    const std::string fault = parameter_fault(parameter);
    if (fault == "size") return {552, "5.3.4", "Larger than this server takes"};
    if (!fault.empty()) {
      talk_.violation("MAIL parameter " + parameter.name + ": " + fault);
      return {555, "5.5.4", parameter.name + ": " + fault};
    }
    utf8 = utf8 || parameter.name == "SMTPUTF8";
  }
  if (!utf8 && !is_ascii(path.text)) {
    talk_.violation("address beyond ASCII without SMTPUTF8: " + path.text);
    return {553, "5.6.7", "Address beyond ASCII without SMTPUTF8"};
  }
  return {250, "2.1.0", "Ok"};
}

// Why the parameter cannot be; "size" if it only asks for too much; empty if all is well.
std::string Dialogue::parameter_fault(const Parameter& parameter) const {
  const auto& [name, value] = parameter;
  if (name == "SIZE") return size_fault(value);
  if (name == "BODY") {
    if (!offered("8BITMIME")) return "not offered";
    return upper(value) == "7BIT" || upper(value) == "8BITMIME" ? "" : "unknown value";
  }
  if (name == "SMTPUTF8" || name == "AUTH") return offered(name) ? "" : "not offered";
  return "unknown";
}

std::string Dialogue::size_fault(const std::string& value) const {
  if (!offered("SIZE")) return "not offered";
  const auto octets = parse_number(value);
  if (!octets) return "not a number";
  return house_.options.size != 0 && *octets > house_.options.size ? "size" : "";
}

Reply Dialogue::rcpt(const std::string& argument) {
  if (!envelope_.from || transfer_) {
    if (mail_tried_ && !transfer_) return {503, "5.5.1", "MAIL was refused"};
    return out_of_order("RCPT", "MAIL first");
  }
  auto path = parse_path("TO:", argument);
  if (!path || !path->parameters.empty() || path->text == "<>") {
    talk_.violation("syntax: RCPT " + argument);
    return {501, "5.5.4", "Syntax: RCPT TO:<address>"};
  }
  const auto& parameters = envelope_.from->parameters;
  const bool utf8 = std::any_of(parameters.begin(), parameters.end(),
                                [](const Parameter& p) { return p.name == "SMTPUTF8"; });
  if (!utf8 && !is_ascii(path->text)) return {553, "5.6.7", "Address beyond ASCII"};
  envelope_.to.push_back(std::move(*path));
  return {250, "2.1.5", "Ok"};
}

// A pipelining client cannot know yet that its MAIL or RCPT was refused: that is no violation.
Reply Dialogue::need_envelope(std::string_view verb) {
  if (!mail_tried_ || !rcpt_tried_) return out_of_order(verb, "MAIL and RCPT first");
  if (envelope_.from && !envelope_.to.empty()) return {250, "2.0.0", ""};
  return {554, "5.5.1", "No valid recipients"};
}

void Dialogue::forget_transaction() {
  envelope_ = {};
  mail_tried_ = false;
  rcpt_tried_ = false;
  transfer_.reset();
  chunk_failed_ = false;
}

// Content

Reply Dialogue::data(const std::string& argument) {
  if (!argument.empty()) return {501, "5.5.4", "DATA takes no argument"};
  if (transfer_ || chunk_failed_) return out_of_order("DATA", "BDAT has begun");
  Reply verdict = need_envelope("DATA");
  if (!verdict.positive()) return verdict;
  return {354, "", "End data with <CR><LF>.<CR><LF>"};
}

void Dialogue::receive_data() {
  transfer_.emplace(house_.ledger, house_.options.size);
  transfer_->read_data(connection_);
  end_of_data("DATA");
}

// The octets follow whatever the reply is going to be (RFC 3030), so they are taken in first.
void Dialogue::bdat(const std::string& argument) {
  const std::string last = upper(after_first_word(argument));
  const auto octets = parse_number(first_word(argument));
  if (!octets || (!last.empty() && last != "LAST")) {
    talk_.violation("syntax: BDAT " + argument);
    return talk_.reply({501, "5.5.4", "Syntax: BDAT octets [LAST]"});
  }
  chunk(*octets, last == "LAST");
}

void Dialogue::chunk(std::uint64_t octets, bool last) {
  Reply verdict = chunk_verdict(octets);
  if (last) check_group("BDAT LAST", false);
  const auto normal = [&] {
    if (last && verdict.positive()) return end_of_data("BDAT");
    if (!verdict.positive()) chunk_failed_ = true;
    talk_.reply(verdict);
  };
  const Rule* rule = plan_.arrive("BDAT", envelope_text());
  if (rule == nullptr) {
    normal();
  } else {
    if (!says_yes(*rule)) chunk_failed_ = true;
    obey(*rule, {normal, [] {}});
  }
  if (last) forget_transaction();
}

// Takes the octets in, kept or not.
Reply Dialogue::chunk_verdict(std::uint64_t octets) {
  Reply verdict = need_envelope("BDAT");
  if (!offered("CHUNKING")) verdict = out_of_order("BDAT", "CHUNKING is not offered");
  if (chunk_failed_) verdict = {503, "5.5.1", "An earlier chunk was refused"};
  if (!verdict.positive()) {
    forget_octets(connection_, octets);
    return verdict;
  }
  if (!transfer_) transfer_.emplace(house_.ledger, house_.options.size);
  transfer_->read_chunk(connection_, octets);
  return {250, "2.0.0", std::to_string(octets) + " octets taken in"};
}

void Dialogue::end_of_data(const char* via) {
  via_ = via;
  transfer_->end();
  note_content_violations();
  const auto normal = [this] { talk_.reply(message_verdict()); };
  at("EOD", envelope_text(), {normal, [] {}});
  forget_transaction();
}

void Dialogue::note_content_violations() {
  for (const std::string& finding : transfer_->oracle().findings()) {
    talk_.violation(std::string(via_) + ": " + finding);
  }
  if (const auto dots = transfer_->unstuffed_dots()) {
    talk_.violation(std::string(via_) + ": lines with an unstuffed dot: " + std::to_string(dots));
  }
}

Reply Dialogue::message_verdict() {
  if (transfer_->too_big()) return {552, "5.3.4", "Larger than this server takes"};
  return {250, "2.0.0", "Ok: queued as " + accept()};
}

std::string Dialogue::accept() {
  if (!transfer_) return {};
  std::string name = house_.ledger.accept(transfer_->message(), envelope_text());
  talk_.log("accepted " + name);
  transfer_.reset();
  ++accepted_;
  return name;
}

std::string Dialogue::envelope_text() const {
  std::string text = envelope_.text();
  for (const Parameter& p :
       envelope_.from ? envelope_.from->parameters : std::vector<Parameter>{}) {
    if (p.name == "BODY") text += "body " + p.value + "\n";
    if (p.name == "SMTPUTF8") text += "smtputf8\n";
    if (p.name == "SIZE") text += "declared-size " + p.value + "\n";
  }
  text += "via " + std::string(via_) + "\nhelo " + client_name_ + "\n";
  const TlsSession* tls = connection_.tls();
  text += "tls " + (tls ? tls->version() : "none") + "\n";
  if (tls) text += std::string("resumed ") + (tls->resumed() ? "yes" : "no") + "\n";
  if (user_) text += "user " + *user_ + "\n";
  text += "connection " + std::to_string(number_) + "\n";
  if (!transfer_) return text;
  const Oracle& oracle = transfer_->oracle();
  return text + "octets " + std::to_string(oracle.octets()) + "\ncontent " +
         (oracle.eight_bit() ? "8bit" : "7bit") + "\nlongest-line " +
         std::to_string(oracle.longest_line()) + "\n";
}

}  // namespace peer
