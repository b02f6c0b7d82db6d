// See outbox_child.hh.

#include "outbox_child.hh"

#include "forked.hh"

namespace sendonce::outbox {

struct Child::State {
  Forked process;
};

Child::Child(const std::string& directory, int stage)
    : state_(new State{Forked([&] { go(directory, stage); })}) {}
Child::~Child() = default;

void Child::wait_ready() { state_->process.wait_ready(); }
void Child::kill() { state_->process.kill(); }

}  // namespace sendonce::outbox
