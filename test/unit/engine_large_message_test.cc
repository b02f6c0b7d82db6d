// Facts of a large message: as text and back, and gathered while it is spooled.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/file.hh"
#include "engine/large_message.hh"
#include "temporary.hh"

namespace sendonce::engine {
namespace {

void expect_same(const smtp::BodyFacts& a, const smtp::BodyFacts& b) {
  EXPECT_EQ(a.octets, b.octets);
  EXPECT_EQ(a.longest_line, b.longest_line);
  EXPECT_EQ(a.eight_bit, b.eight_bit);
  EXPECT_EQ(a.eight_bit_header, b.eight_bit_header);
  EXPECT_EQ(a.nul, b.nul);
}

class Directory {
 public:
  Directory() = default;
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() { std::filesystem::remove_all(file_path(path_)); }
  [[nodiscard]] std::string path() const { return path_; }

 private:
  std::string path_ = test::new_directory(testing::TempDir(), "large");
};

TEST(Facts, ComeBackFromTheirText) {
  for (unsigned bits = 0; bits < 8; ++bits) {
    smtp::BodyFacts facts;
    facts.octets = 50641138 + bits;
    facts.longest_line = std::uint64_t{998} * bits;
    facts.eight_bit = (bits & 1U) != 0;
    facts.eight_bit_header = (bits & 2U) != 0;
    facts.nul = (bits & 4U) != 0;
    const auto back = facts_of(text_of(facts));
    ASSERT_TRUE(back) << text_of(facts);
    expect_same(*back, facts);
  }
}

TEST(Facts, AreNotReadIntoAnythingElse) {
  for (const char* text :
       {"", " ", "1", "1 ", "x 1", "1 x", "-1 2", "1 2 ", "1 2 3", "1 2 8bits", "1 2  8bit",
        "1 2 nul 8bit", "1 2 8bit 8bit", "99999999999999999999 1", "1 2\n"}) {
    EXPECT_FALSE(facts_of(text)) << text;
  }
}

TEST(LargeMessage, KnowsItsFactsHoweverItComes) {
  const std::string message = "Subject: \xc3\xa9\n\nshort\nlonger than that\r\nno end";
  for (std::size_t step = 1; step <= message.size(); ++step) {
    const Directory directory;
    auto large = LargeMessage::make(directory.path(), "");
    ASSERT_TRUE(large);
    for (std::size_t at = 0; at < message.size(); at += step) {
      std::ofstream(large->spool().path(), std::ios::app | std::ios::binary)
          << message.substr(at, step);
      ASSERT_TRUE(large->take(true));
    }
    expect_same(large->facts(), smtp::examine_body(message));
  }
}

}  // namespace
}  // namespace sendonce::engine
