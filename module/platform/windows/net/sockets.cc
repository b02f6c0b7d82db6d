// See sockets.hh.

#include "net/sockets.hh"

#include "base/windows.hh"

namespace sendonce::net {

// Never undone: a thread may be at work until the process ends.  A failure shows in the next call.
void need_sockets() noexcept {
  [[maybe_unused]] static const int started = [] {
    WSADATA ignored{};
    return ::WSAStartup(MAKEWORD(2, 2), &ignored);
  }();
}

std::string lookup_words(int code) { return system_words(static_cast<unsigned long>(code)); }

SOCKET open_socket(int family, int type) noexcept {
  need_sockets();
  const SOCKET socket =
      ::WSASocketW(family, type, 0, nullptr, 0, WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
  if (socket == INVALID_SOCKET) return socket;
  unsigned long on = 1;
  if (::ioctlsocket(socket, static_cast<long>(FIONBIO), &on) == 0) return socket;
  const int error = ::WSAGetLastError();
  ::closesocket(socket);
  ::WSASetLastError(error);
  return INVALID_SOCKET;
}

}  // namespace sendonce::net
