// Entries, messages, findings: what goes in comes out.

#include "base/clock.hh"
#include "outbox_support.hh"

namespace sendonce::outbox {
namespace {

class Entries : public testing::Test {
 protected:
  TemporaryDirectory directory_;
  std::unique_ptr<Outbox> outbox_ = opened(directory_.path());
};

TEST_F(Entries, AllOfASubmissionIsKept) {
  const Submission asked = submission();
  const double before = wall_clock();
  const EntryId id = outbox_->enqueue(asked, "message").value();
  const Entry entry = entry_of(*opened(directory_.path()), id);
  EXPECT_EQ(entry.account, asked.account);
  EXPECT_EQ(entry.settings, asked.settings);
  EXPECT_EQ(entry.sender, asked.sender);
  EXPECT_EQ(entry.message_id, asked.message_id);
  EXPECT_EQ(entry.subject, asked.subject);
  EXPECT_EQ(entry.draft, asked.draft);
  EXPECT_EQ(entry.fingerprint, asked.fingerprint);
  EXPECT_EQ(entry.octets, 7);
  EXPECT_GE(entry.created, before);
  EXPECT_FALSE(entry.warned);
  ASSERT_EQ(entry.recipients.size(), 3U);
  EXPECT_EQ(entry.recipients[2].address, "cid@example.org");
}

TEST_F(Entries, NewestFirstEachWithItsRecipients) {
  for (const char* draft : {"a", "b", "c"}) {
    Submission asked = submission(draft);
    asked.recipients.resize(draft[0] == 'b' ? 1 : 3);
    ASSERT_TRUE(outbox_->enqueue(asked, draft));
  }
  const std::vector<Entry> entries = outbox_->entries().value();
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].draft, "c");
  EXPECT_EQ(entries[0].recipients.size(), 3U);
  EXPECT_EQ(entries[1].draft, "b");
  EXPECT_EQ(entries[1].recipients.size(), 1U);
  EXPECT_EQ(entries[2].draft, "a");
  EXPECT_EQ(entries[2].recipients.size(), 3U);
  EXPECT_EQ(outbox_->entry(99).value(), std::nullopt);
}

TEST_F(Entries, TheNullPathAndOddTextsAreKept) {
  Submission asked = submission();
  asked.sender = "";
  asked.subject = std::string("nul \0 and \xff", 11);
  asked.draft = "";
  const EntryId id = outbox_->enqueue(asked, "").value();
  EXPECT_EQ(entry_of(*outbox_, id).sender, "");
  EXPECT_EQ(entry_of(*outbox_, id).subject, asked.subject);
  EXPECT_EQ(outbox_->read_message(id, 0, 100).value(), "");
}

TEST_F(Entries, NoRecipientsOrOneTwiceIsRefused) {
  Submission asked = submission();
  asked.recipients = {"a@example.org", "a@example.org"};
  EXPECT_EQ(outbox_->enqueue(asked, "x").error().cause, Cause::bad_argument);
  asked.recipients = {};
  EXPECT_EQ(outbox_->enqueue(asked, "x").error().cause, Cause::bad_argument);
  EXPECT_TRUE(outbox_->entries().value().empty());
}

TEST_F(Entries, TheNewestOfADraftIsFound) {
  ASSERT_TRUE(outbox_->enqueue(submission("a"), "x"));
  const EntryId second = outbox_->enqueue(submission("a"), "x").value();
  ASSERT_TRUE(outbox_->enqueue(submission(""), "x"));
  EXPECT_EQ(outbox_->find_draft("a").value()->id, second);
  EXPECT_EQ(outbox_->find_draft("a").value()->recipients.size(), 3U);
  EXPECT_EQ(outbox_->find_fingerprint("f-a").value()->id, second);
  EXPECT_EQ(outbox_->find_draft("").value(), std::nullopt);
  EXPECT_EQ(outbox_->find_fingerprint("").value(), std::nullopt);
  EXPECT_EQ(outbox_->find_draft("b").value(), std::nullopt);
}

TEST_F(Entries, AMessageIsReadFromAnyPlace) {
  const std::string message = message_of(256 * 1024 * 2 + 1000);
  const EntryId id = outbox_->enqueue(submission(), message).value();
  ASSERT_TRUE(outbox_->enqueue(submission("b"), "other"));
  EXPECT_EQ(stored_message(*outbox_, id), message);
  constexpr std::int64_t chunk = 262'144;
  for (const std::int64_t offset : {std::int64_t{0}, chunk - 1, chunk, chunk + 1, 2 * chunk - 3}) {
    for (const std::size_t limit :
         {std::size_t{1}, std::size_t{7}, std::size_t{300'000}, SIZE_MAX}) {
      EXPECT_EQ(outbox_->read_message(id, offset, limit).value(),
                message.substr(static_cast<std::size_t>(offset), limit))
          << offset << " " << limit;
    }
  }
  const auto size = static_cast<std::int64_t>(message.size());
  EXPECT_EQ(outbox_->read_message(id, size, 10).value(), "");
  EXPECT_EQ(outbox_->read_message(id, INT64_MAX, SIZE_MAX).value(), "");
  EXPECT_EQ(outbox_->read_message(id, 0, 0).value(), "");
  EXPECT_FALSE(outbox_->read_message(id, -1, 10));
}

TEST_F(Entries, SettingsOfWhatIsNotBeingSent) {
  const EntryId id = outbox_->enqueue(submission(), "x").value();
  ASSERT_TRUE(outbox_->set_settings(id, "home", "host=b\n"));
  ASSERT_TRUE(outbox_->set_warned(id));
  EXPECT_EQ(entry_of(*outbox_, id).account, "home");
  EXPECT_EQ(entry_of(*outbox_, id).settings, "host=b\n");
  EXPECT_TRUE(entry_of(*outbox_, id).warned);
  ASSERT_TRUE(outbox_->claim(id).value().has_value());
  EXPECT_EQ(outbox_->set_settings(id, "other", "").error().cause, Cause::bad_argument);
  EXPECT_EQ(outbox_->set_settings(99, "other", "").error().cause, Cause::bad_argument);
  EXPECT_EQ(entry_of(*outbox_, id).account, "home");
}

TEST_F(Entries, FindingsAreKeptByServerAndKey) {
  EXPECT_EQ(outbox_->finding("mail:465", "failed").value(), "");
  ASSERT_TRUE(outbox_->set_finding("mail:465", "failed", "DIGEST-MD5"));
  ASSERT_TRUE(outbox_->set_finding("mail:465", "failed", "CRAM-MD5"));
  ASSERT_TRUE(outbox_->set_finding("mail:587", "failed", "x"));
  EXPECT_EQ(opened(directory_.path())->finding("mail:465", "failed").value(), "CRAM-MD5");
  ASSERT_TRUE(outbox_->set_finding("mail:465", "failed", ""));
  EXPECT_EQ(outbox_->finding("mail:465", "failed").value(), "");
}

TEST_F(Entries, WhatIsNotAtRestIsCounted) {
  const auto ended = [this](State one, State other, double next) {
    Submission asked = submission(std::string(state_name(one)) + std::string(state_name(other)));
    asked.recipients.resize(2);
    const EntryId id = outbox_->enqueue(asked, "x").value();
    EXPECT_TRUE(outbox_->finish(outbox_->claim(id).value()->id, ending({one, other}, next)));
  };
  ended(State::sent, State::sent, 0);
  ended(State::sent, State::deferred, 500);
  ended(State::deferred, State::deferred, 100);
  ended(State::failed, State::deferred, 100);
  ended(State::in_doubt, State::deferred, 100);
  ASSERT_TRUE(outbox_->enqueue(submission("queued"), "x"));
  const Tally tally = outbox_->tally(200).value();
  EXPECT_EQ(tally.unsent, 3);
  EXPECT_EQ(tally.in_doubt, 1);
  EXPECT_EQ(tally.busy, 2);
  EXPECT_EQ(outbox_->tally(600).value().busy, 3);
}

TEST_F(Entries, OnlyWhatRestsIsForgotten) {
  const auto ended = [this](State state) {
    Submission asked = submission(std::string(state_name(state)));
    asked.recipients.resize(1);
    const EntryId id = outbox_->enqueue(asked, message_of(400'000)).value();
    EXPECT_TRUE(outbox_->finish(outbox_->claim(id).value()->id, ending({state}, 5)));
    return id;
  };
  const EntryId sent = ended(State::sent);
  const EntryId failed = ended(State::failed);
  const EntryId deferred = ended(State::deferred);
  const EntryId in_doubt = ended(State::in_doubt);
  EXPECT_EQ(outbox_->forget_before(1000).value(), 0);
  const auto size = std::filesystem::file_size(directory_.file());
  EXPECT_EQ(outbox_->forget_before(wall_clock() + 10).value(), 2);
  EXPECT_EQ(states(*outbox_, sent), "none");
  EXPECT_EQ(states(*outbox_, failed), "none");
  EXPECT_TRUE(outbox_->transcripts(sent).value().empty());
  EXPECT_EQ(outbox_->read_message(sent, 0, 10).value(), "");
  EXPECT_EQ(states(*outbox_, deferred), "deferred");
  EXPECT_EQ(states(*outbox_, in_doubt), "in-doubt");
  EXPECT_LT(std::filesystem::file_size(directory_.file()), size - 700'000) << "room not given back";
  EXPECT_EQ(outbox_->integrity().value(), "");
}

TEST_F(Entries, AnIdIsNeverUsedTwice) {
  const EntryId first = outbox_->enqueue(submission(), "x").value();
  ASSERT_TRUE(outbox_->cancel(first).value());
  ASSERT_EQ(outbox_->forget_before(wall_clock() + 10).value(), 1);
  EXPECT_GT(outbox_->enqueue(submission(), "x").value(), first);
}

TEST_F(Entries, TheLongestDueComesFirst) {
  const EntryId first = outbox_->enqueue(submission("a"), "x").value();
  const EntryId second = outbox_->enqueue(submission("b"), "x").value();
  ASSERT_TRUE(outbox_->set_next_try(first, 200));
  ASSERT_TRUE(outbox_->set_next_try(second, 100));
  EXPECT_EQ(outbox_->next_due(0).value(), 100);
  EXPECT_EQ(outbox_->due(300).value(), second);
  ASSERT_TRUE(outbox_->claim(second).value().has_value());
  EXPECT_EQ(outbox_->due(300).value(), first);
}

/// Steps of SQLite's machine are counted, not seconds.
TEST_F(Entries, DueIsCheapAmongTenThousand) {
  run_sql(directory_.file(),
          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)"
          " INSERT INTO entry (account, settings, sender, message_id, subject, draft, fingerprint,"
          " octets, created, due) SELECT '', '', '', '', '', 'd' || i, 'f' || i, 0, i,"
          " CASE WHEN i % 2 THEN 20000 - i END FROM n");
  for (const char* plan :
       {"SELECT id FROM entry WHERE due <= 5 ORDER BY due, id LIMIT 1",
        "SELECT min(due) FROM entry WHERE due IS NOT NULL",
        "SELECT id FROM entry WHERE draft <> '' AND draft = 'd5' ORDER BY id DESC LIMIT 1"}) {
    const std::string found = query(directory_.file(), std::string("EXPLAIN QUERY PLAN ") + plan);
    EXPECT_NE(found.find("SEARCH"), std::string::npos) << found;
    EXPECT_EQ(found.find("SORT"), std::string::npos) << found;
  }
  EXPECT_EQ(outbox_->due(far_future).value(), 9999);
  EXPECT_EQ(outbox_->next_due(0).value(), 10001);
  EXPECT_EQ(outbox_->find_draft("d77").value()->id, 77);
}

}  // namespace
}  // namespace sendonce::outbox
