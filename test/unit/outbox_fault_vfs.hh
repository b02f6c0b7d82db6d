// A file system for SQLite that fails and crashes on command (in the spirit of leveldb's
// fault_injection_test): sits on SQLite's own, becomes the default while it lives.
//
// Each write, truncation, sync, deletion and creation counts as one operation.  It remembers what
// was written and not yet synced; after a crash at operation N (from which on everything fails, as
// if the process were gone) `power_returns` leaves on disk what a power loss may leave.  Real syncs
// are left out: only this model decides what is durable.  One instance at a time; any thread.

#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace sendonce::outbox {

/// What of the unsynced is lost with the power.
enum class Loss {
  nothing,  ///< only the process died; the system wrote all out
  all,
  some,  ///< any part of it, in any order, the last write torn
};

class FaultVfs {
 public:
  FaultVfs();
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;
  ~FaultVfs();

  /// Counts from 0 again; no faults.
  void start_counting();
  [[nodiscard]] int operations();
  /// Operation N from now (1: the next) fails with CODE, once.
  void fail_at(int n, int code);
  void crash_at(int n);
  [[nodiscard]] bool fired();
  /// All files being closed: what is on disk after a crash.  No faults from here on.
  void power_returns(Loss loss, unsigned seed);
  /// What is on disk now is durable; nothing is remembered.
  void forget();

  // --- for the files ---
  /// What the next operation is to do: SQLITE_OK, or the error.
  int next();
  void opened(const std::string& path, std::string_view content, bool existed);
  void wrote(const std::string& path, std::int64_t offset, std::string_view bytes);
  void tore(const std::string& path, std::int64_t offset, std::string_view bytes);
  void truncated(const std::string& path, std::int64_t size);
  void synced(const std::string& path);
  void deleted(const std::string& path, bool durably);
  sqlite3_vfs* real() { return real_; }

 private:
  struct Change {
    std::int64_t offset = 0;
    std::string bytes;
    bool truncates = false;
  };
  struct File {
    bool exists = false;  ///< durably
    std::string durable;
    std::vector<Change> unsynced;
  };
  static void apply(std::string& content, const Change& change);
  void settle(const std::string& path, File& file, Loss loss, std::mt19937& random);

  std::mutex mutex_;
  std::map<std::string, File> files_;
  int operations_ = 0;
  int fault_at_ = 0;  ///< 0: none
  int fault_code_ = SQLITE_OK;
  bool crash_ = false;
  bool fired_ = false;
  sqlite3_vfs* real_;
  sqlite3_vfs own_{};
};

}  // namespace sendonce::outbox
