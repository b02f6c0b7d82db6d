// What senders that may be killed at any instant did, in a file that outlives them: lines of a word
// and an entry's id, each handed to the system at once.
//
//   enqueued ID   the entry was durable
//   accepted ID   the server took the message: at the commit point, whatever the sender learns
//   told ID       the outcome was durable, and reported
//   trouble WHAT  something failed that must not
//
// One sender writes at a time.

#pragma once

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "outbox/outbox.hh"

namespace sendonce::outbox {

class Diary {
 public:
  explicit Diary(const std::string& directory);
  void note(const std::string& word, const std::string& what);
  void note(const std::string& word, EntryId id) { note(word, std::to_string(id)); }

 private:
  std::ofstream out_;
};

/// How often each word was noted of each thing.
using Noted = std::map<std::string, std::map<std::string, int>>;
Noted read_diary(const std::string& directory);

/// Sends all that waits, to a server that refuses every third entry at first.
void send_all_due(Outbox& outbox, Diary& diary);
/// New entries, and all that waits, for ever.
[[noreturn]] void send_on(const std::string& directory);

}  // namespace sendonce::outbox
