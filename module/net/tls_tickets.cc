// TicketStore of tls.hh.

#include <utility>

#include "net/tls.hh"

namespace sendonce::net {

void TicketStore::put(const std::string& server, Secret data) {
  auto tickets = tickets_.lock();
  (*tickets)[server] = std::move(data);
}

Secret TicketStore::take(const std::string& server) {
  auto tickets = tickets_.lock();
  const auto found = tickets->find(server);
  if (found == tickets->end()) return {};
  Secret data = std::move(found->second);
  tickets->erase(found);
  return data;
}

}  // namespace sendonce::net
