// What may lie where the outbox should be: nothing, ours, another's, a newer one's, rubble, a wall.

#include <fstream>
#include <random>
#include <thread>

#include "outbox/os.hh"
#include "outbox/schema.hh"
#include "outbox_support.hh"

namespace sendonce::outbox {
namespace {

namespace fs = std::filesystem;

class Opening : public testing::Test {
 protected:
  void write(const std::string& content) const {
    std::ofstream(directory_.file(), std::ios::binary) << content;
  }
  [[nodiscard]] std::vector<std::string> aside() const {
    std::vector<std::string> found;
    for (const auto& item : fs::directory_iterator(directory_.path())) {
      const std::string name = item.path().filename().string();
      if (name.find(".damaged-") == std::string::npos || name.ends_with("-journal")) continue;
      found.push_back(item.path().generic_string());
    }
    return found;
  }
  /// A new outbox in its place, the old file whole beside it, and the user told.
  void expect_set_aside(const std::string& content) const {
    auto outbox = opened(directory_.path());
    ASSERT_EQ(aside().size(), 1U);
    EXPECT_TRUE(read(aside()[0]) == content);
    EXPECT_NE(outbox->notice().find(aside()[0]), std::string::npos) << outbox->notice();
    EXPECT_NE(outbox->notice().find(directory_.file()), std::string::npos);
    EXPECT_TRUE(outbox->entries().value().empty());
    EXPECT_TRUE(outbox->enqueue(submission(), "x"));
    EXPECT_EQ(opened(directory_.path())->notice(), "");
  }
  static std::string read(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  [[nodiscard]] Error refusal() const {
    auto outbox = Outbox::open(directory_.path());
    return outbox ? Error{} : outbox.error();
  }

  TemporaryDirectory directory_;
};

TEST_F(Opening, AnEmptyFileIsANewOutbox) {
  write("");
  EXPECT_EQ(opened(directory_.path())->notice(), "");
  EXPECT_TRUE(aside().empty());
}

TEST_F(Opening, RubbishIsSetAside) {
  const std::string content = message_of(10'000);
  write(content);
  expect_set_aside(content);
}

TEST_F(Opening, AShortFileIsSetAside) {
  write("hello");
  expect_set_aside("hello");
}

TEST_F(Opening, SomebodyElsesDatabaseIsSetAside) {
  run_sql(directory_.file(), "CREATE TABLE t (a); INSERT INTO t VALUES (1)");
  expect_set_aside(read(directory_.file()));
}

TEST_F(Opening, AnotherApplicationsDatabaseIsSetAside) {
  opened(directory_.path());
  run_sql(directory_.file(), "PRAGMA application_id = 12345");
  expect_set_aside(read(directory_.file()));
}

TEST_F(Opening, TheJournalGoesWithIt) {
  write("hello");
  std::ofstream(directory_.file() + "-journal")
      << std::string("\0journal", 8);  // not one to roll back
  opened(directory_.path());
  ASSERT_EQ(aside().size(), 1U);
  EXPECT_EQ(read(aside()[0]), "hello");
  EXPECT_EQ(read(aside()[0] + "-journal"), std::string("\0journal", 8));
}

TEST_F(Opening, TwiceInASecondMakesTwoNames) {
  for (const std::size_t count : {1U, 2U, 3U}) {
    write("hello");
    opened(directory_.path());
    EXPECT_EQ(aside().size(), count);
  }
}

TEST_F(Opening, ADamagedPageIsFoundAndTheFileKept) {
  {
    auto outbox = opened(directory_.path());
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(outbox->enqueue(submission(std::to_string(i)), "x"));
  }
  std::string content = read(directory_.file());
  for (std::size_t page = 3; page * 4096 < content.size(); ++page) {
    content.replace(page * 4096, 64, std::string(64, '\x7f'));
  }
  write(content);
  expect_set_aside(content);
}

TEST_F(Opening, WhatAnotherEmacsHasOpenIsNotMoved) {
  auto living = opened(directory_.path());
  run_sql(directory_.file(), "PRAGMA application_id = 12345");
  const Error error = refusal();
  EXPECT_EQ(error.cause, Cause::storage);
  EXPECT_NE(error.message.find("another Emacs"), std::string::npos) << error.message;
  EXPECT_TRUE(aside().empty());
  living.reset();
  opened(directory_.path());
  EXPECT_EQ(aside().size(), 1U);
}

TEST_F(Opening, ANewerOneIsNotTouched) {
  opened(directory_.path());
  run_sql(directory_.file(), "PRAGMA user_version = 999");
  const std::string content = read(directory_.file());
  const Error error = refusal();
  EXPECT_EQ(error.cause, Cause::storage);
  EXPECT_NE(error.message.find("newer"), std::string::npos) << error.message;
  EXPECT_TRUE(read(directory_.file()) == content);
  EXPECT_TRUE(aside().empty());
}

TEST_F(Opening, AnOlderOneIsNotMigratedUnderAnotherEmacs) {
  auto living = opened(directory_.path());
  run_sql(directory_.file(), "PRAGMA user_version = 0");
  EXPECT_NE(refusal().message.find("older format"), std::string::npos);
}

/// Version 1 is out in the world: whatever the present version is, it reads that.
TEST_F(Opening, VersionOneIsRead) {
  write("");
  {
    auto database = Database::open(directory_.file()).value();
    ASSERT_TRUE(migrate(*database, schema_steps().first(1)));
  }
  EXPECT_EQ(query(directory_.file(), "PRAGMA user_version"), "1");
  run_sql(
      directory_.file(),
      "INSERT INTO entry (account, settings, sender, message_id, subject, draft, fingerprint,"
      " octets, created, due) VALUES ('work', 'host=a', 'me@x', '<1@x>', 's', 'd', 'f', 2, 5, 5);"
      "INSERT INTO recipient (entry, place, address) VALUES (1, 0, 'ann@x');"
      "INSERT INTO recipient (entry, place, address, state, code, reply)"
      " VALUES (1, 1, 'bob@x', 'in-doubt', 0, 'who knows');"
      "INSERT INTO chunk VALUES (1, 0, x'4849');"
      "INSERT INTO attempt (entry, owner, started, ended, transcript) VALUES (1, 'o', 5, 6, 't')");
  auto outbox = opened(directory_.path());
  const Entry entry = entry_of(*outbox, 1);
  EXPECT_EQ(states(entry), "queued in-doubt");
  EXPECT_EQ(entry.reply, "who knows");
  EXPECT_EQ(stored_message(*outbox, 1), "HI");
  EXPECT_EQ(outbox->transcripts(1).value(), std::vector<std::string>{"t"});
  EXPECT_EQ(outbox->claim(1).value()->recipients, (std::vector<std::size_t>{0}));
  EXPECT_EQ(query(directory_.file(), "PRAGMA user_version"), std::to_string(schema_steps().size()));
}

TEST_F(Opening, StepsAreTakenOnceAndTogether) {
  opened(directory_.path())->enqueue(submission(), "x").value();
  std::vector<const char*> steps(schema_steps().begin(), schema_steps().end());
  steps.push_back("ALTER TABLE entry ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue'");
  steps.push_back("CREATE TABLE extra (a); CREATE TABLE extra (a)");
  auto database = Database::open(directory_.file()).value();
  const std::string version = std::to_string(schema_steps().size());
  EXPECT_FALSE(migrate(*database, steps));
  EXPECT_EQ(query(directory_.file(), "PRAGMA user_version"), version) << "half a migration";
  EXPECT_THROW(query(directory_.file(), "SELECT colour FROM entry"), std::runtime_error);
  steps.back() = "CREATE TABLE extra (a)";
  EXPECT_TRUE(migrate(*database, steps));
  EXPECT_TRUE(migrate(*database, steps));
  EXPECT_EQ(query(directory_.file(), "SELECT colour FROM entry"), "blue");
  EXPECT_EQ(query(directory_.file(), "PRAGMA user_version"), std::to_string(steps.size()));
}

TEST_F(Opening, AWriteAheadLogIsLeftBehind) {
  opened(directory_.path());
  ASSERT_EQ(query(directory_.file(), "PRAGMA journal_mode = WAL"), "wal");
  auto outbox = opened(directory_.path());
  EXPECT_NE(query(directory_.file(), "PRAGMA journal_mode"), "wal");
  EXPECT_TRUE(outbox->enqueue(submission(), "x"));
}

// --- walls ---

TEST_F(Opening, ADirectoryThatIsAFile) {
  write("");
  auto outbox = Outbox::open(directory_.file() + "/outbox");
  ASSERT_FALSE(outbox);
  EXPECT_EQ(outbox.error().cause, Cause::storage);
  EXPECT_NE(outbox.error().message.find(directory_.file()), std::string::npos)
      << outbox.error().message;
  EXPECT_NE(outbox.error().message.find("sendonce-directory"), std::string::npos);
}

TEST_F(Opening, AFileThatIsADirectory) {
  fs::create_directory(directory_.file());
  EXPECT_NE(refusal().message.find("is not a file"), std::string::npos) << refusal().message;
}

TEST_F(Opening, AFileWithTwoNames) {
  opened(directory_.path());
  std::error_code error;
  fs::create_hard_link(directory_.file(), directory_.path() + "/second", error);
  if (error) GTEST_SKIP() << "no hard links here";
  EXPECT_NE(refusal().message.find("is a link"), std::string::npos);
  fs::remove(directory_.file());
  fs::create_symlink(directory_.path() + "/second", directory_.file(), error);
  if (error) GTEST_SKIP() << "no symbolic links here";
  EXPECT_NE(refusal().message.find("is a link"), std::string::npos);
}

TEST_F(Opening, ALinkToTheDirectoryIsTheDirectory) {
  const TemporaryDirectory other;
  std::error_code error;
  fs::create_directory_symlink(directory_.path(), other.path() + "/link", error);
  if (error) GTEST_SKIP() << "no symbolic links here";
  auto outbox = opened(directory_.path());
  const EntryId id = outbox->enqueue(submission(), "x").value();
  auto same = opened(other.path() + "/link");
  ASSERT_TRUE(same->claim(id).value().has_value());
  EXPECT_EQ(outbox->claim(id).value(), std::nullopt);
}

TEST_F(Opening, ManyAtOnce) {
  std::vector<std::thread> threads;
  threads.reserve(8);
  std::vector<std::string> errors(8);
  for (std::string& error : errors) {
    threads.emplace_back([this, &error] {
      auto outbox = Outbox::open(directory_.path());
      if (!outbox) error = outbox.error().message;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(errors, std::vector<std::string>(8));
  EXPECT_TRUE(fs::is_empty(directory_.path() + "/owners"));
}

/// Whatever bytes are damaged: no crash, nothing lost from the disk.
TEST_F(Opening, AnyDamageEndsWell) {
  {
    auto outbox = opened(directory_.path());
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(outbox->enqueue(submission(std::to_string(i)), "x"));
  }
  const std::string sound = read(directory_.file());
  // The same damage in every run.
  std::mt19937 random(1);  // NOLINT(cert-msc32-c,cert-msc51-cpp)
  for (int round = 0; round < 60; ++round) {
    const TemporaryDirectory other;
    std::string content = sound;
    for (unsigned i = 0; i < 1 + random() % 20; ++i) {
      content[random() % content.size()] = static_cast<char>(random());
    }
    std::ofstream(other.file(), std::ios::binary) << content;
    auto outbox = Outbox::open(other.path());
    if (!outbox) {
      EXPECT_EQ(outbox.error().cause, Cause::storage);
      EXPECT_TRUE(fs::exists(other.file()));
      continue;
    }
    static_cast<void>((*outbox)->entries());
    static_cast<void>((*outbox)->claim(3));
    static_cast<void>((*outbox)->read_message(5, 0, 10));
    static_cast<void>((*outbox)->integrity());
  }
}

}  // namespace
}  // namespace sendonce::outbox
