// See address.hh; also Endpoint::text of connect.hh.

#include "net/address.hh"

#include <algorithm>
#include <array>
#include <cstring>

#include "net/connect.hh"
#include "net/sockets.hh"

namespace sendonce::net {

std::string bare_host(std::string_view host) {
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
    return std::string(host.substr(1, host.size() - 2));
  if (host.size() >= 2 && host.back() == '.') host.remove_suffix(1);
  return std::string(host);
}

std::vector<unsigned char> address_bytes(std::string_view host) {
  std::string bare = bare_host(host);
  std::vector<unsigned char> bytes(4);
  if (::inet_pton(AF_INET, bare.c_str(), bytes.data()) == 1) return bytes;
  // A scope ("fe80::1%eth0") belongs to this machine, not to the address.
  bare.resize(std::min(bare.find('%'), bare.size()));
  bytes.resize(16);
  if (::inet_pton(AF_INET6, bare.c_str(), bytes.data()) == 1) return bytes;
  return {};
}

std::string address_text(const std::vector<unsigned char>& bytes) {
  if (bytes.size() != 4 && bytes.size() != 16) return {};
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = bytes.size() == 4 ? AF_INET : AF_INET6;
  const char* const made = ::inet_ntop(family, bytes.data(), text.data(), text.size());
  return made == nullptr ? std::string() : std::string(made);
}

std::string Endpoint::text() const {
  need_sockets();
  sockaddr_storage address{};
  const std::size_t size = std::min(bytes.size(), sizeof address);
  if (size > 0) std::memcpy(&address, bytes.data(), size);
  std::array<char, 64> host{};
  std::array<char, 16> port{};
  if (::getnameinfo(reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size),
                    host.data(), host.size(), port.data(), port.size(),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return "an unknown address";
  const std::string text = host.data();
  return (family == AF_INET6 ? "[" + text + "]" : text) + ":" + port.data();
}

}  // namespace sendonce::net
