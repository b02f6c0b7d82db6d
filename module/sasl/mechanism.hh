// Which sign-in mechanism (RFC 4422) is to be tried; exchange.hh carries it out.
//
// Pure functions over one table (mechanism.cc).  Names may be in any case; those that come back are
// the registered ones, in upper case.  Any thread.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sasl/exchange.hh"

namespace sendonce::sasl {

/// What may be chosen from.
struct Choice {
  std::vector<std::string> offered;  ///< by the server
  std::vector<std::string> wanted;   ///< by the account, in order; empty: any
  std::vector<std::string> tried;    ///< already, without success
  bool plain_text_allowed = false;   ///< under TLS, or because the account says so
  bool certificate = false;          ///< a client certificate was used: EXTERNAL makes sense
  bool binding = false;              ///< a channel binding is to be had: -PLUS makes sense
};

/// The mechanism to try next; nullopt when none is left.  Just what `wanted` names, where it names
/// any; else best first, but never one that takes a token.
std::optional<std::string> choose(const Choice& choice);

/// All mechanisms there is code for, in the order of choice.
std::vector<std::string> known_mechanisms();

/// What the user must give.
enum class Needs { password, token, nothing };
/// Of an unknown mechanism: a password.
Needs needs(std::string_view mechanism);

/// How well the mechanism guards the password, to tell a downgrade: higher is better, unknown is 0.
int strength(std::string_view mechanism);

/// May a refusal be due to how the server stores passwords, so that another mechanism may do?
bool checks_stored_hash(std::string_view mechanism);

}  // namespace sendonce::sasl
