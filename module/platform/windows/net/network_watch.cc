// See net/network_watch.hh.  Two sockets, one a family, tell that the list of this machine's
// addresses has changed (SIO_ADDRESS_LIST_CHANGE); whether one was added is seen by comparing.

#include "net/network_watch.hh"

#include <array>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/windows.hh"
#include "net/descriptor.hh"
#include "net/sockets.hh"
// After sockets.hh, which it needs.
#include <iphlpapi.h>

namespace sendonce::net {

namespace {

using Addresses = std::set<std::string>;

class Event {
 public:
  Event() : event_(::WSACreateEvent()) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() {
    if (event_ != WSA_INVALID_EVENT) ::WSACloseEvent(event_);
  }
  [[nodiscard]] WSAEVENT get() const noexcept { return event_; }

 private:
  WSAEVENT event_;
};

void add_addresses(const IP_ADAPTER_ADDRESSES* adapters, Addresses& into) {
  for (; adapters != nullptr; adapters = adapters->Next) {
    const auto* one = adapters->FirstUnicastAddress;
    for (; one != nullptr; one = one->Next) {
      const auto* const bytes = reinterpret_cast<const char*>(one->Address.lpSockaddr);
      into.emplace(bytes, static_cast<std::size_t>(one->Address.iSockaddrLength));
    }
  }
}

Addresses present_addresses() {
  constexpr ULONG flags = GAA_FLAG_SKIP_ANYCAST | GAA_FLAG_SKIP_MULTICAST |
                          GAA_FLAG_SKIP_DNS_SERVER | GAA_FLAG_SKIP_FRIENDLY_NAME;
  Addresses found;
  ULONG size = 16384;
  for (;;) {
    std::vector<IP_ADAPTER_ADDRESSES> room(size / sizeof(IP_ADAPTER_ADDRESSES) + 1);
    const ULONG code = ::GetAdaptersAddresses(AF_UNSPEC, flags, nullptr, room.data(), &size);
    if (code == ERROR_BUFFER_OVERFLOW) continue;
    if (code == ERROR_SUCCESS) add_addresses(room.data(), found);
    return found;
  }
}

bool has_new(const Addresses& before, const Addresses& now) {
  for (const std::string& address : now)
    if (!before.contains(address)) return true;
  return false;
}

/// One family's changes.  Not moved while a request is under way, since the system writes into it.
class Changes {
 public:
  explicit Changes(int family) : socket_(to_descriptor(open_socket(family, SOCK_DGRAM))) {}
  /// Asks for the next change; false if the system does not tell.
  bool ask() {
    DWORD ignored = 0;
    request_ = {};
    request_.hEvent = event_.get();
    return socket_.valid() &&
           (::WSAIoctl(to_socket(socket_.get()), SIO_ADDRESS_LIST_CHANGE, nullptr, 0, nullptr, 0,
                       &ignored, &request_, nullptr) == 0 ||
            ::WSAGetLastError() == WSA_IO_PENDING);
  }
  [[nodiscard]] WSAEVENT event() const noexcept { return event_.get(); }
  /// Before this dies: the system must be done with it.
  void end() noexcept {
    if (!socket_.valid()) return;
    ::CancelIoEx(reinterpret_cast<HANDLE>(to_socket(socket_.get())), &request_);
    socket_.close();
    ::WSAWaitForMultipleEvents(1, &request_.hEvent, TRUE, 1000, FALSE);
  }

 private:
  Descriptor socket_;
  Event event_;
  WSAOVERLAPPED request_{};
};

}  // namespace

struct NetworkWatch::Source {
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  ~Source() {
    if (tells_4) four.end();
    if (tells_6) six.end();
  }

  Changes four{AF_INET};
  Changes six{AF_INET6};
  bool tells_4 = four.ask();
  bool tells_6 = six.ask();
  Event woken;
  Addresses known = present_addresses();
};

NetworkWatch::NetworkWatch(std::unique_ptr<Source> source, Wake wake)
    : source_(std::move(source)), wake_(std::move(wake)) {}
NetworkWatch::NetworkWatch(NetworkWatch&&) noexcept = default;
NetworkWatch::~NetworkWatch() = default;

Result<NetworkWatch> NetworkWatch::make() {
  auto wake = Wake::make();
  if (!wake) return fail(wake.error());
  auto source = std::make_unique<Source>();
  if (!source->tells_4 && !source->tells_6)
    return fail(Cause::internal, Phase::none,
                "Changes of the network cannot be watched: " +
                    system_words(static_cast<unsigned long>(::WSAGetLastError())));
  ::WSAEventSelect(to_socket(wake->descriptor()), source->woken.get(), FD_READ);
  return NetworkWatch(std::move(source), std::move(*wake));
}

bool NetworkWatch::wait() {
  for (;;) {
    const std::array<WSAEVENT, 3> events{source_->woken.get(), source_->four.event(),
                                         source_->six.event()};
    const DWORD which = ::WSAWaitForMultipleEvents(static_cast<DWORD>(events.size()), events.data(),
                                                   FALSE, WSA_INFINITE, FALSE);
    if (which == WSA_WAIT_FAILED || which == WSA_WAIT_EVENT_0) return false;
    ::WSAResetEvent(events.at(which - WSA_WAIT_EVENT_0));
    Changes& told = which == WSA_WAIT_EVENT_0 + 1 ? source_->four : source_->six;
    if (!told.ask()) return false;
    Addresses now = present_addresses();
    const bool added = has_new(source_->known, now);
    source_->known = std::move(now);
    if (added) return true;
  }
}

}  // namespace sendonce::net
