// Listening, one thread a connection, and the end of the program.
//
// run() stays on the main thread: it accepts, reaps ended threads, and returns at SIGTERM, SIGINT,
// end of standard input (--until-eof) or after --sessions connections.  Threads may still run then;
// main() leaves by _exit.

#pragma once

#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "dialogue.hh"

namespace peer {

class Server {
 public:
  Server(const House& house, Fd signals);
  void run();
  std::string address() const { return house_.options.host + ":" + std::to_string(port_); }

 private:
  void listen();
  void publish_port() const;
  bool wait();  // false: time to leave
  void accept_one();
  void reap();
  bool had_enough() const;
  Scenario load_scenario() const;
  void serve(Fd fd, std::uint64_t number, const Scenario& scenario);
  End talk(Dialogue& dialogue, std::uint64_t number) const;
  void put_totals(const Connection& connection, std::uint64_t number, const End& end,
                  unsigned accepted) const;

  const House& house_;
  Fd signals_;
  Fd listener_;
  Fd ended_event_;
  std::uint16_t port_ = 0;
  std::uint64_t connections_ = 0;
  std::uint64_t reaped_ = 0;
  std::map<std::uint64_t, std::thread> threads_;
  std::mutex mutex_;  // guards ended_
  std::vector<std::uint64_t> ended_;
};

}  // namespace peer
