// See questions.hh.

#include "engine/questions.hh"

#include <utility>

namespace sendonce::engine {

QuestionId Questions::open() {
  auto desk = desk_.lock();
  const QuestionId id = ++desk->last;
  desk->pending.emplace(id, Pending{});
  return id;
}

std::optional<Secret> Questions::wait(QuestionId id, const std::atomic<bool>& given_up) {
  auto desk = desk_.lock();
  Pending& mine = desk->pending.at(id);
  desk.wait([&] { return mine.answered || given_up.load(); });
  std::optional<Secret> answer = std::move(mine.answer);
  desk->pending.erase(id);
  return answer;
}

void Questions::answer(QuestionId id, std::optional<Secret> answer) {
  {
    auto desk = desk_.lock();
    const auto found = desk->pending.find(id);
    if (found == desk->pending.end()) return;
    found->second.answered = true;
    found->second.answer = std::move(answer);
  }
  desk_.notify();
}

void Questions::interrupt() {
  { auto desk = desk_.lock(); }  // whoever is about to sleep has looked at its flag after this
  desk_.notify();
}

}  // namespace sendonce::engine
