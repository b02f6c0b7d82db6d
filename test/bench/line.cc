// A line with a set round trip, for measuring: a network interface (TUN) whose far end is this
// machine again, every packet held back by half the round trip.  The kernel's own TCP runs at both
// ends, handshake and window included, and what goes over the line is counted exactly.
//
//   bench-line NETWORK ROUND-TRIP-MS COUNTS     NETWORK: the 77 of 10.77.77.0/24; needs
//   CAP_NET_ADMIN
//
// Whoever connects to 10.77.77.2 reaches what listens on this machine at 10.77.77.1: source and
// destination of each packet change places (which leaves every checksum as it was).  COUNTS is a
// file of one line that always shows the present state:
//
//   OUT-PACKETS OUT-OCTETS OUT-DATA IN-PACKETS IN-OCTETS IN-DATA TURNS
//
// Out is what clients send; octets are those of IP packets; DATA counts packets with a payload.  A
// turn is a flight of the client's: SYN or payload, first of all or after something of the
// server's.  One thread; ends by a signal.

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Packet = std::vector<std::uint8_t>;

[[noreturn]] void die(const std::string& what) {
  (void)std::fprintf(stderr, "bench-line: %s: %s\n", what.c_str(),
                     std::strerror(errno));  // NOLINT(concurrency-mt-unsafe): there is one thread
  std::exit(1);                              // NOLINT(concurrency-mt-unsafe)
}

int must(int result, const char* what) {
  if (result < 0) die(what);
  return result;
}

ifreq request(const std::string& name) {
  ifreq wish{};
  name.copy(static_cast<char*>(wish.ifr_name), IFNAMSIZ - 1);
  return wish;
}

sockaddr ipv4(const std::string& text) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  ::inet_pton(AF_INET, text.c_str(), &address.sin_addr);
  sockaddr general{};
  std::memcpy(&general, &address, sizeof general);
  return general;
}

void raise(int control, const std::string& name) {
  ifreq wish = request(name);
  must(::ioctl(control, SIOCGIFFLAGS, &wish), "flags");
  wish.ifr_flags = static_cast<short>(wish.ifr_flags | IFF_UP | IFF_RUNNING);
  must(::ioctl(control, SIOCSIFFLAGS, &wish), "raise interface");
}

int open_line(const std::string& network) {
  const int fd = must(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), "/dev/net/tun");
  ifreq wish = request("bench" + network);
  wish.ifr_flags = IFF_TUN | IFF_NO_PI;
  must(::ioctl(fd, TUNSETIFF, &wish), "make interface");
  const int control = must(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
  wish.ifr_addr = ipv4("10.77." + network + ".1");
  must(::ioctl(control, SIOCSIFADDR, &wish), "set address");
  wish.ifr_netmask = ipv4("255.255.255.0");
  must(::ioctl(control, SIOCSIFNETMASK, &wish), "set mask");
  wish.ifr_qlen = 10000;
  must(::ioctl(control, SIOCSIFTXQLEN, &wish), "set length of the queue");
  raise(control, "bench" + network);
  raise(control, "lo");
  ::close(control);
  return fd;
}

/// The file that shows the counts; mapped, so that a packet costs no system call for it.
class Counts {
 public:
  explicit Counts(const char* file) {
    const int fd = must(::open(file, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), file);
    must(::ftruncate(fd, size), "truncate");
    void* map = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) die("mmap");
    text_ = static_cast<char*>(map);
    ::close(fd);
    show();
  }

  void add(const Packet& packet) {
    if (packet[9] != IPPROTO_TCP) return;
    const std::size_t at = std::size_t(packet[0] & 15U) * 4;
    const bool opening = (packet[at + 13] & 2U) != 0;
    const bool answer = (packet[at + 13] & 16U) != 0;
    if (opening && !answer) servers_.set(port(packet, at + 2));
    const bool out = servers_.test(port(packet, at + 2));
    const bool data = packet.size() > at + std::size_t(packet[at + 12] >> 4U) * 4;
    Way& way = out ? out_ : in_;
    ++way.packets;
    way.octets += packet.size();
    if (data) ++way.data;
    if (data || opening) {
      const std::size_t client = port(packet, out ? at : at + 2);
      if (out && (!clients_turn_taken_.test(client) || (opening && !answer))) ++turns_;
      clients_turn_taken_.set(client, out);
    }
    show();
  }

 private:
  struct Way {
    std::uint64_t packets = 0, octets = 0, data = 0;
  };
  static constexpr std::size_t size = 160;

  static std::size_t port(const Packet& packet, std::size_t at) {
    return std::size_t(packet[at]) << 8U | packet[at + 1];
  }

  void show() {
    std::array<char, size + 1> line{};
    const int length =
        std::snprintf(line.data(), line.size(), "%zu %zu %zu %zu %zu %zu %zu", out_.packets,
                      out_.octets, out_.data, in_.packets, in_.octets, in_.data, turns_);
    std::fill(line.begin() + length, line.end(), ' ');
    line[size - 1] = '\n';
    std::memcpy(text_, line.data(), size);
  }

  char* text_ = nullptr;
  Way out_, in_;
  std::uint64_t turns_ = 0;
  std::bitset<65536> clients_turn_taken_;  // by the client's port: it spoke last
  std::bitset<65536> servers_;             // ports that someone has connected to
};

class Line {
 public:
  Line(int fd, Clock::duration one_way, Counts& counts)
      : fd_(fd), one_way_(one_way), counts_(counts) {}

  [[noreturn]] void run() {
    for (;;) {
      wait();
      while (take()) continue;
      while (!queue_.empty() && queue_.front().due <= Clock::now()) pass_on();
    }
  }

 private:
  struct Held {
    Clock::time_point due;
    Packet packet;
  };

  // A sleeper wakes late; the last moment before a packet is due is spent looking at the clock.
  void wait() {
    pollfd event{fd_, POLLIN, 0};
    timespec left{};
    if (!queue_.empty()) {
      const auto due = std::chrono::duration_cast<std::chrono::nanoseconds>(
          queue_.front().due - Clock::now() - lateness);
      left.tv_nsec = std::max<std::int64_t>(0, due.count()) % 1'000'000'000;
      left.tv_sec = std::max<std::int64_t>(0, due.count()) / 1'000'000'000;
    }
    ::ppoll(&event, 1, queue_.empty() ? nullptr : &left, nullptr);
  }

  bool take() {
    Packet packet(2048);
    const ssize_t size = ::read(fd_, packet.data(), packet.size());
    if (size < 40) return size > 0;
    packet.resize(std::size_t(size));
    if (packet[0] >> 4U != 4) return true;  // IPv6 looks for routers
    counts_.add(packet);
    std::swap_ranges(packet.begin() + 12, packet.begin() + 16, packet.begin() + 16);
    queue_.push_back({Clock::now() + one_way_, std::move(packet)});
    return true;
  }

  void pass_on() {
    const Packet& packet = queue_.front().packet;
    if (::write(fd_, packet.data(), packet.size()) < 0 && errno != EAGAIN) die("write");
    queue_.pop_front();
  }

  static constexpr std::chrono::microseconds lateness{300};

  int fd_;
  Clock::duration one_way_;
  Counts& counts_;
  std::deque<Held> queue_;
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) {
    (void)std::fprintf(stderr, "usage: bench-line NETWORK ROUND-TRIP-MS COUNTS\n");
    return 2;
  }
  ::prctl(PR_SET_TIMERSLACK, 1);
  const sched_param first{1};  // before all else, where that is allowed: a line is never busy
  ::sched_setscheduler(0, SCHED_FIFO, &first);
  const int fd = open_line(arguments[1]);
  Counts counts(arguments[3]);
  (void)std::puts("ready");
  (void)std::fflush(stdout);
  const std::chrono::duration<double, std::milli> round_trip(std::strtod(arguments[2], nullptr));
  Line(fd, std::chrono::duration_cast<Clock::duration>(round_trip / 2), counts).run();
}
