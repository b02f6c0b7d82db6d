// A sendonce-peer of a test's own: started in a fresh directory, gone with the object.
//
// Nothing sleeps: the constructor returns when the peer listens, wait() when it has exited (which
// --sessions makes it do when the connections are over).

#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

struct RunResult {
  int status = 0;
  std::string errors;
};

class PeerProcess {
 public:
  explicit PeerProcess(std::vector<std::string> options, const std::string& scenario = "");
  ~PeerProcess();
  PeerProcess(const PeerProcess&) = delete;
  PeerProcess& operator=(const PeerProcess&) = delete;

  std::uint16_t port() const { return port_; }
  std::filesystem::path path(const std::string& name) const { return dir_ / name; }
  std::string file(const std::string& name) const;  // empty if there is none
  bool has(const std::string& name) const { return std::filesystem::exists(dir_ / name); }
  std::size_t messages() const;
  void set_scenario(const std::string& text) const;
  // The value of KEY= in the totals of a connection; empty if they are not there.
  std::string total(std::uint64_t connection, const std::string& key) const;

  int wait();  // its exit status
  void terminate() const;
  void end_input();

  // Runs the peer to its end with these options; for command lines that cannot work.
  static RunResult run(std::vector<std::string> options);

 private:
  void await_listening(int output);

  std::filesystem::path dir_;
  pid_t pid_ = -1;
  int input_ = -1;
  std::uint16_t port_ = 0;
};
