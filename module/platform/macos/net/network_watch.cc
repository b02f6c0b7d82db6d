// See net/network_watch.hh.  Nothing is told here, which the engine can do without.

#include "net/network_watch.hh"

#include <utility>

namespace sendonce::net {

struct NetworkWatch::Source {};

NetworkWatch::NetworkWatch(std::unique_ptr<Source> source, Wake wake)
    : source_(std::move(source)), wake_(std::move(wake)) {}
NetworkWatch::NetworkWatch(NetworkWatch&&) noexcept = default;
NetworkWatch::~NetworkWatch() = default;

Result<NetworkWatch> NetworkWatch::make() {
  return fail(Cause::internal, Phase::none, "Changes of the network are not watched on macOS");
}

bool NetworkWatch::wait() { return false; }

}  // namespace sendonce::net
