// Fills an outbox with messages that nobody has tried to send yet, as if Emacs had been left at
// once: the queue that an engine finds when it starts.
//
//   bench-fill DIRECTORY SETTINGS-FILE MESSAGE-FILE COUNT
//
// SETTINGS-FILE holds the settings text of the account (sendonce-account-settings), MESSAGE-FILE a
// message.

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "outbox/outbox.hh"

namespace {

[[noreturn]] void die(const std::string& why) {
  (void)std::fprintf(stderr, "bench-fill: %s\n", why.c_str());
  std::exit(1);  // NOLINT(concurrency-mt-unsafe): there is one thread
}

std::string contents(const char* file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) die(std::string("cannot read ") + file);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 5) die("usage: bench-fill DIRECTORY SETTINGS-FILE MESSAGE-FILE COUNT");
  auto outbox = sendonce::outbox::Outbox::open(arguments[1]);
  if (!outbox) die(outbox.error().message);
  const std::string settings = contents(arguments[2]);
  const std::string message = contents(arguments[3]);
  const long messages = std::strtol(arguments[4], nullptr, 10);
  for (long i = 1; i <= messages; ++i) {
    const std::string name = std::to_string(i);
    auto entry = (*outbox)->enqueue({"bench",
                                     settings,
                                     "aoi@bench.example",
                                     {"sei@bench.example"},
                                     "<" + name + "@bench.example>",
                                     "message " + name,
                                     "",
                                     ""},
                                    message);
    if (!entry) die(entry.error().message);
  }
}
