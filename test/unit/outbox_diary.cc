// See outbox_diary.hh.

#include "outbox_diary.hh"

#include <exception>
#include <stdexcept>
#include <thread>

#include "base/file.hh"
#include "outbox_support.hh"

namespace sendonce::outbox {

namespace {

std::filesystem::path diary_of(const std::string& directory) {
  return file_path(directory + "/diary");
}

/// Stops a sender that was told of a failure: none has a cause here.
template <typename Type>
Type must(Result<Type> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}
void must(const Status& status) {
  if (!status) throw std::runtime_error(status.error().message);
}

void send_one(Outbox& outbox, Diary& diary, EntryId id) {
  const auto attempt = must(outbox.claim(id));
  if (!attempt) return;
  must(outbox.committing(attempt->id, {0, 1, 2}));
  if (id % 3 == 0 && attempt->entry.attempts == 1) {
    must(
        outbox.finish(attempt->id, ending({State::deferred, State::deferred, State::deferred}, 5)));
    return;
  }
  diary.note("accepted", id);
  must(outbox.finish(attempt->id, ending({State::sent, State::sent, State::sent})));
  diary.note("told", id);
}

void send_without_end(Outbox& outbox, Diary& diary) {
  for (;;) {
    diary.note("enqueued", must(outbox.enqueue(submission(), message_of(20'000))));
    send_all_due(outbox, diary);
  }
}

}  // namespace

Diary::Diary(const std::string& directory) : out_(diary_of(directory), std::ios::app) {}

void Diary::note(const std::string& word, const std::string& what) {
  out_ << word + " " + what + "\n" << std::flush;
}

Noted read_diary(const std::string& directory) {
  Noted noted;
  std::ifstream in(diary_of(directory));
  std::string word;
  for (std::string what; in >> word && std::getline(in >> std::ws, what);) ++noted[word][what];
  return noted;
}

void send_all_due(Outbox& outbox, Diary& diary) {
  while (const auto id = must(outbox.due(far_future))) send_one(outbox, diary, *id);
}

void send_on(const std::string& directory) {
  Diary diary(directory);
  try {
    auto outbox = opened(directory);
    send_without_end(*outbox, diary);
  } catch (const std::exception& trouble) {
    diary.note("trouble", trouble.what());
  }
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

}  // namespace sendonce::outbox
