// Sends a message, or a queue of them, and says what became of each; the program that the kill
// matrix kills.
//
//   send-one OUTBOX SETTINGS             enqueue, print "enqueued ID", wait for the outcome, print
//                                        the state
//   send-one OUTBOX SETTINGS --queue N   the same with N messages, all enqueued before the first is
//                                        tried
//   send-one OUTBOX SETTINGS --flush     recover, flush, wait; print "ID MESSAGE-ID STATE" for
//   every
//                                        entry, then what SQLite says of its file ("sound")

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "driver.hh"

namespace {

using sendonce::outbox::Entry;
using sendonce::outbox::State;

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

void send_queue(const fault::fs::path& outbox, const std::string& settings, int count) {
  const auto ids = fault::queue(outbox, settings, count);
  for (const auto id : ids) say("enqueued " + std::to_string(id));
  fault::Client client(outbox);
  for (const auto id : ids) client.wait(id);
  for (const auto id : ids) say(name(client.state(id)));
  client.stop();
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
    say(std::to_string(entry.id) + " " + entry.message_id + " " + name(client.state(entry.id)));
  auto sound = client.engine().outbox().integrity();
  say(sound && sound->empty() ? "sound" : "damaged");
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) fault::die("usage: send-one OUTBOX SETTINGS-FILE [--queue N | --flush]");
  const std::string settings = fault::slurp(arguments[2]);
  if (count > 4 && std::strcmp(arguments[3], "--queue") == 0) {
    send_queue(arguments[1], settings, std::atoi(arguments[4]));  // NOLINT(cert-err34-c): ours
    return 0;
  }
  fault::Client client(arguments[1]);
  if (count > 3) {
    flush(client);
  } else {
    send(client, settings);
  }
  client.stop();
  return 0;
}
