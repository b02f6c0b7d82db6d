// Who may read the outbox, by the modes of files, and what is told to one who may not.

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "outbox_support.hh"

namespace sendonce::outbox {
namespace {

namespace fs = std::filesystem;

class Modes : public testing::Test {
 protected:
  static unsigned mode(const std::string& path) {
    struct stat facts {};
    return ::stat(path.c_str(), &facts) == 0 ? facts.st_mode & 0777U : 0;
  }

  TemporaryDirectory directory_;
};

TEST_F(Modes, AllThatIsMadeIsPrivate) {
  const mode_t before = ::umask(0);
  const std::string deep = directory_.path() + "/a/b/";
  {
    auto outbox = opened(deep);
    ASSERT_TRUE(outbox->enqueue(submission(), "x"));
    EXPECT_EQ(outbox->notice(), "");
  }
  ::umask(before);
  EXPECT_EQ(mode(deep), 0700U);
  EXPECT_EQ(mode(deep + "owners"), 0700U);
  EXPECT_EQ(mode(deep + "outbox.sqlite"), 0600U);
  EXPECT_EQ(mode(deep + "outbox.sqlite-journal"), 0600U);
  EXPECT_EQ(mode(deep + "outbox.lock"), 0600U);
}

TEST_F(Modes, AnOpenFileIsClosedToOthers) {
  opened(directory_.path());
  ::chmod(directory_.file().c_str(), 0644);
  opened(directory_.path());
  EXPECT_EQ(mode(directory_.file()), 0600U);
}

TEST_F(Modes, MovedAwayWhileOpenIsAnError) {
  auto outbox = opened(directory_.path());
  fs::rename(directory_.file(), directory_.path() + "/elsewhere");
  const auto id = outbox->enqueue(submission(), "x");
  ASSERT_FALSE(id);
  EXPECT_NE(id.error().message.find("moved or deleted"), std::string::npos) << id.error().message;
  auto another = opened(directory_.path());
  ASSERT_TRUE(another->enqueue(submission(), "x"));
  EXPECT_FALSE(outbox->entries()) << "the old file with the new one's journal";
  EXPECT_FALSE(outbox->due(far_future));
}

/// What the open of DIRECTORY says to somebody who is not root (whom no mode stops).
std::string said_to_nobody(const std::string& directory) {
  std::array<int, 2> pipe{};
  if (::pipe(pipe.data()) != 0) return {};
  const pid_t child = ::fork();
  if (child == 0) {
    const bool changed = ::geteuid() != 0 || ::setuid(65534) == 0;
    auto outbox = Outbox::open(directory);
    std::string text = !changed ? "cannot change user" : outbox ? "opened" : outbox.error().message;
    if (!outbox && outbox.error().cause != Cause::storage) text += " (wrong cause)";
    ::_exit(::write(pipe[1], text.data(), text.size()) < 0 ? 1 : 0);
  }
  ::close(pipe[1]);
  std::string text(4096, '\0');
  const ssize_t got = ::read(pipe[0], text.data(), text.size());
  ::close(pipe[0]);
  ::waitpid(child, nullptr, 0);
  text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return text;
}

TEST_F(Modes, ReadOnlyIsToldWithARemedy) {
  opened(directory_.path());
  for (const std::string& path :
       {directory_.path(), directory_.path() + "/owners", directory_.path() + "/outbox.lock",
        directory_.file(), directory_.file() + "-journal"}) {
    if (::geteuid() == 0) {
      ASSERT_EQ(::chown(path.c_str(), 65534, 65534), 0);
    }
  }
  ::chmod(directory_.file().c_str(), 0400);
  std::string text = said_to_nobody(directory_.path());
  EXPECT_NE(text.find(directory_.file() + " cannot be opened for writing"), std::string::npos)
      << text;
  EXPECT_NE(text.find("give yourself the right"), std::string::npos) << text;
  ::chmod(directory_.file().c_str(), 0600);
  EXPECT_EQ(said_to_nobody(directory_.path()), "opened");
  ::chmod((directory_.path() + "/owners").c_str(), 0500);
  text = said_to_nobody(directory_.path());
  EXPECT_NE(text.find(directory_.path() + "/owners"), std::string::npos) << text;
  EXPECT_NE(text.find("give yourself the right"), std::string::npos) << text;
  ::chmod((directory_.path() + "/owners").c_str(), 0700);
}

}  // namespace
}  // namespace sendonce::outbox
