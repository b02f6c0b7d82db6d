// fork(2) beside an outbox: Emacs forks for each program that it starts.

#include "forked.hh"
#include "outbox_child.hh"
#include "outbox_support.hh"

namespace sendonce::outbox {
namespace {

class Forks : public testing::Test {
 protected:
  TemporaryDirectory directory_;
};

/// A child that Emacs forked and that never execs has all descriptors: it must not pass for its
/// parent.
TEST_F(Forks, AChildOfTheDeadDoesNotKeepItAlive) {
  std::array<int, 2> hold{};
  std::array<int, 2> ready{};
  ASSERT_EQ(::pipe(hold.data()) + ::pipe(ready.data()), 0);
  {
    Forked emacs([&] {
      go(directory_.path(), 2);
      if (::fork() == 0) {
        ::close(hold[1]);
        char byte = 0;
        if (::write(ready[1], "r", 1) == 1) static_cast<void>(::read(hold[0], &byte, 1));
        ::_exit(0);
      }
    });
    emacs.wait_ready();
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    emacs.kill();
    EXPECT_EQ(states(*opened(directory_.path()), 1), "in-doubt in-doubt deferred");
  }
  for (const int fd : {hold[0], hold[1], ready[0], ready[1]}) ::close(fd);
}

/// And if it does run on to the destructors, it leaves its parent's lock file alone.
TEST_F(Forks, AChildDoesNotEndItsParent) {
  auto outbox = opened(directory_.path());
  const EntryId id = outbox->enqueue(submission(), "x").value();
  ASSERT_TRUE(outbox->claim(id).value().has_value());
  const pid_t child = ::fork();
  if (child == 0) {
    outbox.reset();
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  auto other = opened(directory_.path());
  EXPECT_EQ(states(*other, id), "sending sending sending");
}

}  // namespace
}  // namespace sendonce::outbox
