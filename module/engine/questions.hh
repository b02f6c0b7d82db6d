// Questions of delivery threads to Lisp, and the answers.
//
// A delivery asks and sleeps; Lisp answers when it can, or never.  `interrupt` wakes whoever
// sleeps, so that a cancelled or stopping delivery is not held up by a prompt.

#pragma once

#include <atomic>
#include <map>
#include <optional>

#include "base/secret.hh"
#include "base/synchronised.hh"
#include "engine/events.hh"

namespace sendonce::engine {

class Questions {
 public:
  explicit Questions(EventSink& sink) : sink_(sink) {}

  /// Posts QUESTION (its `question` filled in) and sleeps until it is answered or GIVEN_UP becomes
  /// true (followed by `interrupt`).  nullopt: declined, or given up.
  template <class Question>
  std::optional<Secret> ask(Question question, const std::atomic<bool>& given_up) {
    question.question = open();
    const QuestionId id = question.question;
    sink_.post(std::move(question));
    return wait(id, given_up);
  }

  /// An answer that nobody waits for any more is dropped (and wiped).
  void answer(QuestionId id, std::optional<Secret> answer);
  void interrupt();

 private:
  struct Pending {
    bool answered = false;
    std::optional<Secret> answer;
  };
  struct Desk {
    QuestionId last = 0;
    std::map<QuestionId, Pending> pending;
  };

  QuestionId open();
  std::optional<Secret> wait(QuestionId id, const std::atomic<bool>& given_up);

  EventSink& sink_;
  Synchronised<Desk> desk_;
};

}  // namespace sendonce::engine
