// The SMTP server of one connection: its state, its commands, and the scenario's say in them.
//
// Strict: what a careful client would not send is answered with 5yz and noted as a violation.
// Runs on the connection's thread; ends by throwing End.

#pragma once

#include <functional>
#include <set>
#include <string>

#include "envelope.hh"
#include "options.hh"
#include "sign_in.hh"
#include "talk.hh"
#include "transfer.hh"

namespace peer {

// What all connections share.
struct House {
  const Options& options;
  const TlsCredentials& credentials;
  Ledger& ledger;
  const Journal& journal;
};

class Dialogue {
 public:
  Dialogue(const House& house, Connection& connection, Plan& plan, std::uint64_t number);

  [[noreturn]] void run();
  unsigned accepted() const { return accepted_; }

 private:
  // A command: carry_out changes the state and gives the reply, follow does what comes after a
  // positive reply (handshake, content, close).
  struct Command {
    std::string_view verb;
    Reply (Dialogue::*carry_out)(const std::string& argument);
    void (Dialogue::*follow)();
    bool ends_group;  // RFC 2920 3.1: must be the last of a pipelined group
  };
  // What happens at a point without a rule, and its effect alone, without the reply.
  struct Step {
    std::function<void()> normal;
    std::function<void()> apply;
  };

  static const Command* find_command(std::string_view verb);
  void open();
  void step();
  void unknown(const std::string& line);
  void command(const Command& command, const std::string& argument);
  void check_group(std::string_view verb, bool ends_group);

  void at(std::string_view point, std::string_view argument, const Step& step);
  void obey(const Rule& rule, const Step& step);
  void perform(const Action& action, const Step& step);
  void say(const Action& action);
  [[noreturn]] void end(const Action& action);

  Reply ehlo(const std::string& argument);
  Reply helo(const std::string& argument);
  Reply starttls(const std::string& argument);
  Reply auth(const std::string& argument);
  Reply mail(const std::string& argument);
  Reply rcpt(const std::string& argument);
  Reply data(const std::string& argument);
  Reply rset(const std::string& argument);
  Reply noop(const std::string& argument);
  Reply vrfy(const std::string& argument);
  Reply help(const std::string& argument);
  Reply quit(const std::string& argument);
  void bdat(const std::string& argument);

  void nothing() {}
  void shake_hands();
  void receive_data();
  void goodbye();

  void chunk(std::uint64_t octets, bool last);
  Reply chunk_verdict(std::uint64_t octets);
  void end_of_data(const char* via);
  Reply message_verdict();
  std::string accept();
  std::string envelope_text() const;
  void note_content_violations();

  Reply out_of_order(std::string_view verb, const std::string& why);
  Reply parameter_verdict(const Path& path);
  std::string parameter_fault(const Parameter& parameter) const;
  std::string size_fault(const std::string& value) const;
  Reply need_envelope(std::string_view verb);
  std::vector<std::string> capabilities() const;
  SignInGround sign_in_ground();
  bool interrupts(const std::string& mechanism);
  bool offered(std::string_view name) const { return offered_.contains(name); }
  void forget_session();
  void forget_transaction();

  const House& house_;
  Connection& connection_;
  Plan& plan_;
  Talk talk_;
  std::uint64_t number_;

  std::string client_name_;  // empty: no EHLO or HELO yet
  std::set<std::string, std::less<>> offered_;
  std::set<std::string> mechanisms_;             // offered with AUTH
  std::optional<std::string> mechanisms_offer_;  // the scenario's, instead of the option's
  std::optional<std::string> user_;
  bool drop_later_ = false;
  Envelope envelope_;
  bool mail_tried_ = false;
  bool rcpt_tried_ = false;
  std::optional<Transfer> transfer_;
  const char* via_ = "DATA";
  bool chunk_failed_ = false;
  unsigned accepted_ = 0;
};

}  // namespace peer
