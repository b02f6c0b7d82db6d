// Lines and replies, logged: what Dialogue and SignIn say and hear goes through here.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "connection.hh"
#include "journal.hh"
#include "reply.hh"

namespace peer {

class Talk {
 public:
  Talk(Connection& connection, const Journal& journal, std::uint64_t number)
      : connection_(connection), journal_(journal), number_(number) {}

  // A line as it came; nullopt if no line can be so: a violation, noted and answered with 500.
  std::optional<std::string> command();
  std::optional<std::string> secret() { return line(true); }

  void reply(const Reply& reply);
  void say(std::string_view bytes);  // literal
  void violation(std::string_view text) const { journal_.violation(number_, text); }
  void log(std::string_view text) const { journal_.log(number_, text); }

  void set_enhanced(bool enhanced) { enhanced_ = enhanced; }

 private:
  std::optional<std::string> line(bool secret);
  bool legal(const Line& line) const;

  Connection& connection_;
  const Journal& journal_;
  std::uint64_t number_;
  bool enhanced_ = false;
};

}  // namespace peer
