// See net_system.hh.

#include "net_system.hh"

#include <process.h>

#include <stdexcept>

#include "base/windows.hh"
#include "net/sockets.hh"
#include "wine.hh"

namespace sendonce::net::test {

namespace {

Descriptor made(SOCKET socket) {
  if (socket == INVALID_SOCKET) throw std::runtime_error(last_error());
  return Descriptor(to_descriptor(socket));
}

Descriptor listen_anywhere(sockaddr_in& address) {
  Descriptor listener = make_socket();
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  auto* const plain = reinterpret_cast<sockaddr*>(&address);
  int size = sizeof address;
  if (::bind(to_socket(listener.get()), plain, size) != 0 ||
      ::listen(to_socket(listener.get()), 1) != 0 ||
      ::getsockname(to_socket(listener.get()), plain, &size) != 0)
    throw std::runtime_error(last_error());
  return listener;
}

}  // namespace

std::string last_error() { return system_words(static_cast<unsigned long>(::WSAGetLastError())); }

void set_blocking(const Descriptor& socket, bool blocking) {
  unsigned long nonblocking = blocking ? 0 : 1;
  if (::ioctlsocket(to_socket(socket.get()), static_cast<long>(FIONBIO), &nonblocking) != 0)
    throw std::runtime_error(last_error());
}

Descriptor make_socket() {
  Descriptor socket = made(open_socket(AF_INET, SOCK_STREAM));
  set_blocking(socket, true);
  return socket;
}

Descriptor accept_one(const Descriptor& listener) {
  return made(::accept(to_socket(listener.get()), nullptr, nullptr));
}

std::vector<Descriptor> make_pair() {
  sockaddr_in address{};
  const Descriptor listener = listen_anywhere(address);
  std::vector<Descriptor> pair;
  pair.push_back(make_socket());
  if (::connect(to_socket(pair[0].get()), reinterpret_cast<const sockaddr*>(&address),
                sizeof address) != 0)
    throw std::runtime_error(last_error());
  pair.push_back(accept_one(listener));
  return pair;
}

// With less, TCP crawls.
int small_buffer() { return 16'384; }

// Wine ends the line before it closes the socket.
bool can_reset() { return !sendonce::test::is_wine(); }

// What it says is not kept from the screen; none of those we run here says much.
bool runs(std::vector<std::string> words) {
  std::vector<std::wstring> wide;
  wide.reserve(words.size());
  for (const std::string& word : words) wide.push_back(to_wide(word));
  std::vector<const wchar_t*> arguments;
  arguments.reserve(words.size() + 1);
  for (const std::wstring& word : wide) arguments.push_back(word.c_str());
  arguments.push_back(nullptr);
  return ::_wspawnvp(_P_WAIT, arguments[0], arguments.data()) == 0;
}

int count_unblocked_signals() { return 0; }

}  // namespace sendonce::net::test
