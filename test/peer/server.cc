#include "server.hh"

#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <fstream>
#include <iterator>

namespace peer {
namespace {

using AddressList = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

AddressList look_up(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (code != 0) throw std::runtime_error("--host " + host + ": " + ::gai_strerror(code));
  return {found, &::freeaddrinfo};
}

std::uint16_t bound_port(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  std::array<char, 8> service{};
  ::getnameinfo(reinterpret_cast<sockaddr*>(&address), size, nullptr, 0, service.data(),
                service.size(), NI_NUMERICSERV);
  return std::uint16_t(std::stoi(service.data()));
}

// Whether to leave: --until-eof's standard input has ended.
bool input_ended() {
  std::array<char, 4096> bin;
  return ::read(STDIN_FILENO, bin.data(), bin.size()) <= 0;
}

}  // namespace

Server::Server(const House& house, Fd signals)
    : house_(house),
      signals_(std::move(signals)),
      ended_event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  load_scenario();  // a bad one is told at once
  listen();
  publish_port();
}

void Server::listen() {
  const AddressList address = look_up(house_.options.host, house_.options.port);
  listener_ = Fd(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(listener_.get(), address->ai_addr, address->ai_addrlen) != 0) throw_errno("bind");
  if (::listen(listener_.get(), 128) != 0) throw_errno("listen");
  port_ = bound_port(listener_.get());
}

void Server::publish_port() const {
  const auto unfinished = house_.options.dir / "port.tmp";
  write_all(open_file(unfinished, O_WRONLY | O_CREAT | O_TRUNC), std::to_string(port_));
  std::filesystem::rename(unfinished, house_.options.dir / "port");
}

void Server::run() {
  while (!had_enough() && wait()) reap();
  house_.journal.log(0, "exit");
}

bool Server::had_enough() const {
  return house_.options.sessions != 0 && reaped_ >= house_.options.sessions;
}

bool Server::wait() {
  const int input = house_.options.until_eof ? STDIN_FILENO : -1;
  std::array<pollfd, 4> fds = {pollfd{listener_.get(), POLLIN, 0},
                               pollfd{signals_.get(), POLLIN, 0},
                               pollfd{ended_event_.get(), POLLIN, 0}, pollfd{input, POLLIN, 0}};
  if (::poll(fds.data(), fds.size(), -1) < 0) return errno == EINTR;
  if (fds[1].revents != 0 || (fds[3].revents != 0 && input_ended())) return false;
  if (fds[0].revents != 0) accept_one();
  return true;
}

void Server::accept_one() {
  Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (fd.get() < 0) return;
  const std::uint64_t number = ++connections_;
  Scenario scenario;
  try {
    scenario = load_scenario();
  } catch (const std::exception& error) {
    house_.journal.violation(number, error.what());
    scenario = parse_scenario("at greeting: say \"421 4.3.0 Bad scenario\\r\\n\"; drop");
  }
  threads_.emplace(number, [this, fd = std::move(fd), number, scenario]() mutable {
    serve(std::move(fd), number, scenario);
  });
}

void Server::reap() {
  std::vector<std::uint64_t> ended;
  std::uint64_t count = 0;
  if (::read(ended_event_.get(), &count, sizeof count) < 0 && errno != EAGAIN)
    throw_errno("eventfd");
  {
    const std::lock_guard lock(mutex_);
    ended.swap(ended_);
  }
  for (const std::uint64_t number : ended) {
    threads_.at(number).join();
    threads_.erase(number);
    ++reaped_;
  }
}

Scenario Server::load_scenario() const {
  const auto& path = house_.options.scenario;
  if (path.empty()) return {};
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read scenario " + path.string());
  return parse_scenario(std::string(std::istreambuf_iterator<char>(file), {}));
}

void Server::serve(Fd fd, std::uint64_t number, const Scenario& scenario) {
  house_.journal.log(number, "connect");
  Plan plan(scenario, number);
  Connection connection(std::move(fd), plan, house_.options.delay_ms);
  if (house_.options.record) {
    const std::string base = (house_.options.dir / "dialogue-").string() + std::to_string(number);
    constexpr int flags = O_WRONLY | O_CREAT | O_TRUNC;
    connection.record_to(open_file(base + ".in", flags, 0600),
                         open_file(base + ".out", flags, 0600));
  }
  Dialogue dialogue(house_, connection, plan, number);
  const End end = talk(dialogue, number);
  put_totals(connection, number, end, dialogue.accepted());
  if (end.how == Ending::drop_notify) connection.close_notify();
  connection.finish(end.how);
  const std::lock_guard lock(mutex_);
  ended_.push_back(number);
  const std::uint64_t one = 1;
  if (::write(ended_event_.get(), &one, sizeof one) < 0) throw_errno("eventfd");
}

End Server::talk(Dialogue& dialogue, std::uint64_t number) const {
  try {
    dialogue.run();
  } catch (const End& end) {
    return end;
  } catch (const std::exception& error) {
    house_.journal.log(number, std::string("the peer itself failed: ") + error.what());
    return {Ending::reset, "peer-failure"};
  }
}

// Before the line ends on the transport: who sees it end finds the totals there.
void Server::put_totals(const Connection& connection, std::uint64_t number, const End& end,
                        unsigned accepted) const {
  const TlsSession* tls = connection.tls();
  const std::string line = "in=" + std::to_string(connection.received()) +
                           " out=" + std::to_string(connection.sent()) + " end=" + end.reason +
                           " accepted=" + std::to_string(accepted) +
                           " rawin=" + std::to_string(connection.socket().received()) +
                           " rawout=" + std::to_string(connection.socket().sent()) +
                           " tls=" + (tls ? tls->version() : "none") +
                           " resumed=" + (tls && tls->resumed() ? "yes" : "no");
  house_.journal.log(number, "end " + line);
  house_.journal.totals(std::to_string(number) + " " + line);
}

}  // namespace peer
