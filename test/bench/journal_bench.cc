// What the journal costs: time of `enqueue` (barrier 1) and of a whole attempt's three barriers,
// beside a bare fdatasync on the same file system in the same run.  Prints a table; proves nothing
// by itself and is no test.
//
//   journal-bench [DIRECTORY]      default: a new directory under the present one

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "outbox/outbox.hh"

namespace {

using sendonce::outbox::AttemptEnd;
using sendonce::outbox::Outbox;
using sendonce::outbox::Outcome;
using sendonce::outbox::State;
using sendonce::outbox::Submission;

constexpr int rounds = 200;

double milliseconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

struct Row {
  std::string name;
  std::vector<double> times;
};

double at(const Row& row, double share) {
  std::vector<double> sorted = row.times;
  std::sort(sorted.begin(), sorted.end());
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

void print(const Row& row, const Row& unit) {
  (void)std::printf("| %-34s | %8.3f | %8.3f | %8.3f | %6.1f |\n", row.name.c_str(), at(row, 0),
                    at(row, 0.5), at(row, 0.9), at(row, 0.5) / at(unit, 0.5));
}

[[noreturn]] void die(const std::string& why) {
  (void)std::fprintf(stderr, "journal-bench: %s\n", why.c_str());
  std::exit(1);  // NOLINT(concurrency-mt-unsafe): there is one thread
}

Row bare_sync(const std::filesystem::path& directory) {
  Row row{"write 4 KB and fdatasync", {}};
  const int fd = ::open((directory / "bare").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) die("cannot write in " + directory.string());
  const std::string page(4096, 'x');
  for (int i = 0; i < rounds; ++i) {
    row.times.push_back(milliseconds([&] {
      if (::pwrite(fd, page.data(), page.size(), 0) < 0 || ::fdatasync(fd) != 0)
        die("fdatasync failed");
    }));
  }
  ::close(fd);
  return row;
}

Submission submission() {
  return {"bench",
          "host=localhost\nport=25\n",
          "a@b.example",
          {"c@d.example"},
          "<id@b.example>",
          "bench",
          "",
          ""};
}

void attempt(Outbox& outbox, sendonce::outbox::EntryId id) {
  auto claimed = outbox.claim(id);
  if (!claimed || !claimed->has_value()) die("cannot claim");
  if (!outbox.committing((*claimed)->id, {0})) die("barrier 2 failed");
  AttemptEnd end;
  end.outcomes = {Outcome{State::sent, 250, "250 ok"}};
  end.transcript = std::string(2000, 't');
  if (!outbox.finish((*claimed)->id, end)) die("barrier 3 failed");
}

void journal(Outbox& outbox, Row& enqueue, Row& rest, const std::string& message) {
  for (int i = 0; i < rounds; ++i) {
    sendonce::outbox::EntryId id = 0;
    enqueue.times.push_back(milliseconds([&] {
      auto entry = outbox.enqueue(submission(), message);
      if (!entry) die(entry.error().message);
      id = *entry;
    }));
    rest.times.push_back(milliseconds([&] { attempt(outbox, id); }));
  }
}

}  // namespace

int main(int count, char** arguments) {
  const std::filesystem::path directory = count > 1 ? arguments[1] : "journal-bench.tmp";
  std::filesystem::create_directories(directory);
  auto outbox = Outbox::open((directory / "outbox").string());
  if (!outbox) die(outbox.error().message);
  const Row unit = bare_sync(directory);
  Row small{"enqueue 10 KB (barrier 1)", {}};
  Row attempts{"claim, barriers 2 and 3", {}};
  Row large{"enqueue 1 MB (barrier 1)", {}};
  Row more{"claim, barriers 2 and 3 (1 MB)", {}};
  journal(**outbox, small, attempts, std::string(10'000, 'm'));
  journal(**outbox, large, more, std::string(1'000'000, 'm'));
  (void)std::printf("Milliseconds, %d rounds; the last column: medians in bare fdatasyncs.\n\n",
                    rounds);
  (void)std::printf("| %-34s | %8s | %8s | %8s | %6s |\n|-\n", "", "least", "median", "p90",
                    "x sync");
  print(unit, unit);
  for (const Row* row : {&small, &attempts, &large, &more}) print(*row, unit);
  outbox->reset();
  std::filesystem::remove_all(directory);
  return 0;
}
