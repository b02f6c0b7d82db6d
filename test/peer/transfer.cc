#include "transfer.hh"

#include <algorithm>

namespace peer {

void Transfer::read_data(Connection& connection) {
  std::string decoded;
  while (!dots_.done()) {
    decoded.clear();
    const std::size_t used = dots_.feed(connection.content(), decoded);
    keep(decoded);
    connection.consume(used);
  }
}

void Transfer::read_chunk(Connection& connection, std::uint64_t octets) {
  while (octets != 0) {
    std::string_view bytes = connection.content();
    bytes = bytes.substr(0, std::min<std::uint64_t>(bytes.size(), octets));
    keep(bytes);
    octets -= bytes.size();
    connection.consume(bytes.size());
  }
}

void Transfer::keep(std::string_view bytes) {
  oracle_.feed(bytes);
  if (!too_big()) message_.append(bytes);
}

void forget_octets(Connection& connection, std::uint64_t octets) {
  while (octets != 0) {
    const std::uint64_t n = std::min<std::uint64_t>(connection.content().size(), octets);
    connection.consume(n);
    octets -= n;
  }
}

}  // namespace peer
