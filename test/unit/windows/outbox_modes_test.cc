// Who may read the outbox, by access lists.

#include <aclapi.h>
#include <windows.h>

#include <fstream>

#include "base/windows.hh"
#include "outbox/os.hh"
#include "outbox_support.hh"
#include "wine.hh"

namespace sendonce::outbox {
namespace {

class AccessLists : public testing::Test {
 protected:
  /// No access list at all: everybody may do everything.
  static void open_to_all(const std::string& path) {
    std::wstring name = to_wide(path);
    ASSERT_EQ(::SetNamedSecurityInfoW(name.data(), SE_FILE_OBJECT, DACL_SECURITY_INFORMATION,
                                      nullptr, nullptr, nullptr, nullptr),
              static_cast<DWORD>(ERROR_SUCCESS));
  }
  static bool is_public(const std::string& path) { return os::inspect(path).value().is_public; }

  TemporaryDirectory directory_;
};

TEST_F(AccessLists, AllThatIsMadeIsPrivate) {
  open_to_all(directory_.path());
  const std::string deep = directory_.path() + "/a/b/";
  auto outbox = opened(deep);
  ASSERT_TRUE(outbox->enqueue(submission(), "x"));
  EXPECT_EQ(outbox->notice(), "");
  for (const char* name : {"", "owners", "outbox.sqlite", "outbox.lock"})
    EXPECT_FALSE(is_public(deep + name)) << name;
  // Made by SQLite, it inherits the list of its directory; Wine knows no inheritance.
  EXPECT_TRUE(sendonce::test::is_wine() || !is_public(deep + "outbox.sqlite-journal"));
}

TEST_F(AccessLists, AnOpenFileIsClosedToOthers) {
  opened(directory_.path());
  open_to_all(directory_.file());
  ASSERT_TRUE(is_public(directory_.file()));
  opened(directory_.path());
  EXPECT_FALSE(is_public(directory_.file()));
}

TEST_F(AccessLists, AFileOfEverybodyIsPublic) {
  ASSERT_TRUE(os::create_private_file(directory_.path() + "/one"));
  EXPECT_FALSE(is_public(directory_.path() + "/one"));
  open_to_all(directory_.path() + "/one");
  EXPECT_TRUE(is_public(directory_.path() + "/one"));
}

TEST_F(AccessLists, ReadOnlyIsToldWithARemedy) {
  opened(directory_.path());
  ASSERT_NE(::SetFileAttributesW(to_wide(directory_.file()).c_str(), FILE_ATTRIBUTE_READONLY), 0);
  if (std::ofstream(directory_.file(), std::ios::app))
    GTEST_SKIP() << "here one may write to a file that is read-only";
  auto outbox = Outbox::open(directory_.path());
  ASSERT_FALSE(outbox);
  EXPECT_EQ(outbox.error().cause, Cause::storage);
  EXPECT_NE(outbox.error().message.find("cannot be opened for writing"), std::string::npos)
      << outbox.error().message;
  ::SetFileAttributesW(to_wide(directory_.file()).c_str(), FILE_ATTRIBUTE_NORMAL);
}

/// A name in letters of two alphabets, which no code page of Windows has all of.
TEST_F(AccessLists, AnyLettersInTheName) {
  const std::string strange = directory_.path() + "/\xe3\x83\xa1\xd0\xb9\xc3\xbc";
  auto outbox = opened(strange);
  const EntryId id = outbox->enqueue(submission(), "x").value();
  outbox.reset();
  EXPECT_EQ(stored_message(*opened(strange), id), "x");
  EXPECT_NE(::GetFileAttributesW(to_wide(strange + "/outbox.sqlite").c_str()),
            INVALID_FILE_ATTRIBUTES);
}

}  // namespace
}  // namespace sendonce::outbox
