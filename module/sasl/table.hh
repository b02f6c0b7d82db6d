// What each mechanism is like: one row each, in the order of choice.  Seen within sasl/ alone.

#pragma once

#include <string_view>

#include "sasl/mechanism.hh"

namespace sendonce::sasl {

/// When a mechanism comes into question besides being offered.
enum class Only {
  always,
  with_certificate,  ///< the TLS session has shown one
  with_binding,      ///< the TLS session can be bound to
  by_name,           ///< the account names it: else a password would be sent as a token
};

struct Mechanism {
  std::string_view name;
  Needs needs;
  Only only;
  bool client_first;        // has an initial response (RFC 4422 section 5)
  bool plain_text;          // shows password or token to whoever reads the line
  bool checks_stored_hash;  // works only with what the server happens to store
  int strength;             // higher is better
};

/// The row of NAME, whatever its case; nullptr for a stranger.
const Mechanism* find_mechanism(std::string_view name);

}  // namespace sendonce::sasl
