// The least that a client can do to get a message accepted: what the others are held against.  One
// thread, blocking calls, no certificate checked, no journal, no second try; whatever is not a 2 or
// 3 ends it.
//
//   bench-raw HOST PORT implicit|starttls bdat|data FILE COUNT
//
// Signs in as aoi with PLAIN, sends FILE (CRLF, no line that begins with a dot) COUNT times on one
// line, in as few flights as the protocol allows, and prints the seconds from the start of each
// (for the first: before the TCP handshake) until 250 is in hand.  QUIT goes out unawaited. Before
// and after each send it looks for a file /bench-mark/begin-N and end-N: marks for strace.

#include <gnutls/gnutls.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const std::string& why) {
  (void)std::fprintf(stderr, "bench-raw: %s\n", why.c_str());
  std::exit(1);  // NOLINT(concurrency-mt-unsafe): there is one thread
}

int connect_to(const char* host, const char* port) {
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host, port, &hints, &found) != 0) die("no such host");
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || ::connect(fd, found->ai_addr, found->ai_addrlen) != 0) die("cannot connect");
  ::freeaddrinfo(found);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

class Line {
 public:
  Line(const char* host, const char* port) : fd_(connect_to(host, port)) {}

  void start_tls() {
    gnutls_certificate_allocate_credentials(&credentials_);
    gnutls_init(&session_, GNUTLS_CLIENT);
    gnutls_set_default_priority(session_);
    gnutls_credentials_set(session_, GNUTLS_CRD_CERTIFICATE, credentials_);
    gnutls_transport_set_int(session_, fd_);
    int result = 0;
    do {
      result = gnutls_handshake(session_);
    } while (result < 0 && gnutls_error_is_fatal(result) == 0);
    if (result < 0) die(gnutls_strerror(result));
  }

  void say(const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = std::min<std::size_t>(text.size() - at, 16384);
      const ssize_t sent = session_ ? gnutls_record_send(session_, text.data() + at, size)
                                    : ::send(fd_, text.data() + at, size, 0);
      if (sent <= 0) die("the line broke");
      at += std::size_t(sent);
    }
  }

  /// Reads a reply, all its lines.
  void hear() {
    std::string line;
    do {
      line = hear_line();
      if (line[0] != '2' && line[0] != '3') die("the server says " + line);
    } while (line.size() > 3 && line[3] == '-');
  }

 private:
  std::string hear_line() {
    std::size_t end = 0;
    while ((end = heard_.find('\n')) == std::string::npos) {
      std::array<char, 16384> piece{};
      const ssize_t size = session_ ? gnutls_record_recv(session_, piece.data(), piece.size())
                                    : ::recv(fd_, piece.data(), piece.size(), 0);
      if (size == GNUTLS_E_AGAIN || size == GNUTLS_E_INTERRUPTED) continue;
      if (size <= 0) die("the line ended");
      heard_.append(piece.data(), std::size_t(size));
    }
    std::string line = heard_.substr(0, end + 1);
    heard_.erase(0, end + 1);
    return line;
  }

  int fd_;
  gnutls_session_t session_ = nullptr;
  gnutls_certificate_credentials_t credentials_ = nullptr;
  std::string heard_;
};

void ask(Line& line, const std::string& command) {
  line.say(command);
  line.hear();
}

void open(Line& line, bool starttls) {
  if (starttls) {
    line.hear();
    ask(line, "EHLO raw.bench.example\r\n");
    ask(line, "STARTTLS\r\n");
  }
  line.start_tls();
  if (!starttls) line.hear();
  ask(line, "EHLO raw.bench.example\r\n");
  ask(line, "AUTH PLAIN AGFvaQBvcGVuLXNlc2FtZQ==\r\n");  // aoi, open-sesame
}

void deliver(Line& line, bool chunking, const std::string& message) {
  const std::string envelope = "MAIL FROM:<aoi@bench.example>\r\nRCPT TO:<sei@bench.example>\r\n";
  if (chunking) {
    line.say(envelope + "BDAT " + std::to_string(message.size()) + " LAST\r\n" + message);
    for (int replies = 0; replies < 3; ++replies) line.hear();
    return;
  }
  line.say(envelope + "DATA\r\n");
  for (int replies = 0; replies < 3; ++replies) line.hear();
  ask(line, message + ".\r\n");
}

void mark(const char* what, long number) {
  static_cast<void>(
      ::access(("/bench-mark/" + std::string(what) + "-" + std::to_string(number)).c_str(), F_OK));
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 7) die("usage: bench-raw HOST PORT implicit|starttls bdat|data FILE COUNT");
  std::ifstream file(arguments[5], std::ios::binary);
  const std::string message{std::istreambuf_iterator<char>(file), {}};
  const long rounds = std::strtol(arguments[6], nullptr, 10);
  mark("begin", 1);
  auto start = Clock::now();
  Line line(arguments[1], arguments[2]);
  open(line, arguments[3] == std::string("starttls"));
  for (long round = 1; round <= rounds; ++round) {
    deliver(line, arguments[4] == std::string("bdat"), message);
    (void)std::printf("%.6f\n", std::chrono::duration<double>(Clock::now() - start).count());
    mark("end", round);
    mark("begin", round + 1);
    start = Clock::now();
  }
  line.say("QUIT\r\n");
}
