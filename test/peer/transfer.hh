// One message on its way in, by DATA or by BDAT: read, decoded, looked at, written to DIR/incoming.
// Memory stays at one piece however long the message is.

#pragma once

#include <optional>

#include "connection.hh"
#include "content.hh"
#include "ledger.hh"

namespace peer {

class Transfer {
 public:
  // `limit` octets at most are kept; 0: no limit.
  Transfer(Ledger& ledger, std::uint64_t limit) : message_(ledger.open()), limit_(limit) {}

  void read_data(Connection& connection);                         // to the end of data
  void read_chunk(Connection& connection, std::uint64_t octets);  // of one BDAT
  void end() { oracle_.end(); }

  bool too_big() const { return limit_ != 0 && oracle_.octets() > limit_; }
  const Oracle& oracle() const { return oracle_; }
  std::uint64_t unstuffed_dots() const { return dots_.unstuffed_dots(); }
  Incoming& message() { return message_; }

 private:
  void keep(std::string_view bytes);

  Incoming message_;
  std::uint64_t limit_;
  DotReader dots_;
  Oracle oracle_;
};

void forget_octets(Connection& connection, std::uint64_t octets);

}  // namespace peer
