// Sends one message and says what became of it; the program that the kill matrix kills.
//
//   send-one OUTBOX SETTINGS          enqueue, print "enqueued ID", wait for the outcome, print the
//   state send-one OUTBOX SETTINGS --flush  recover, flush, wait; print "ID STATE" for every entry,
//   then what
//                                     SQLite says of its file ("sound")

#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include "driver.hh"

namespace {

using sendonce::outbox::Entry;
using sendonce::outbox::State;

std::string slurp(const char* file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  (void)std::fflush(stdout);
}

std::string name(State state) { return std::string(sendonce::outbox::state_name(state)); }

void send(fault::Client& client, const std::string& settings) {
  const auto id = client.send(settings, {"r@s.example"});
  say("enqueued " + std::to_string(id));
  client.wait(id);
  say(name(client.state(id)));
}

/// Is it to be tried, or (the engine is at work as soon as it is made) being tried?
bool waits(const Entry& entry) {
  return entry.state == State::queued || entry.state == State::deferred ||
         entry.state == State::sending;
}

void flush(fault::Client& client) {
  auto entries = client.engine().outbox().entries();
  if (!entries) fault::die(entries.error().message);
  (void)client.engine().flush(std::nullopt);
  for (const Entry& entry : *entries) {
    if (waits(entry)) client.wait(entry.id);
  }
  for (const Entry& entry : *entries)
    say(std::to_string(entry.id) + " " + name(client.state(entry.id)));
  auto sound = client.engine().outbox().integrity();
  say(sound && sound->empty() ? "sound" : "damaged");
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) fault::die("usage: send-one OUTBOX SETTINGS-FILE [--flush]");
  fault::Client client(arguments[1]);
  if (count > 3) {
    flush(client);
  } else {
    send(client, slurp(arguments[2]));
  }
  client.stop();
  return 0;
}
