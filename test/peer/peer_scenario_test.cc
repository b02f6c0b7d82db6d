// Each verb of a scenario does its part, and each cut falls where it should.

#include <fstream>

#include "peer_support.hh"

// Rules

TEST(Rule, DropAfterAcceptStoresAndSaysNothing) {
  PeerProcess peer(plain(), "at EOD: accept; drop");
  PeerClient client(peer.port());
  begin_data(client);
  EXPECT_EQ(client.ask("x\r\n.\r\n"), "");
  EXPECT_EQ(client.ended(), "fin");
  EXPECT_EQ(peer.file("messages/000001.eml"), "x\r\n");
  EXPECT_EQ(peer.total(1, "accepted"), "1");
  EXPECT_EQ(peer.total(1, "end"), "rule-drop");
}

TEST(Rule, DropWithoutAcceptDoesNotStore) {
  PeerProcess peer(plain(), "at EOD: drop");
  EXPECT_EQ(send_data(peer, {"x\r\n.\r\n"}), "");
  EXPECT_EQ(peer.messages(), 0U);
}

TEST(Rule, SayAcceptReset) {
  PeerProcess peer(plain(), "at EOD: say \"250 2.0.0 Ok\\r\\n\"; accept; reset");
  PeerClient client(peer.port());
  begin_data(client);
  EXPECT_EQ(client.ask("x\r\n.\r\n"), "250 2.0.0 Ok\r\n");
  EXPECT_EQ(client.hear(), "");
  EXPECT_EQ(client.ended(), "reset");
  EXPECT_EQ(peer.messages(), 1U);
}

TEST(Rule, RefuseAndDefer) {
  PeerProcess peer(plain(), "at EOD 1: refuse\nat EOD 2: defer");
  PeerClient client(peer.port());
  begin_data(client);
  EXPECT_TRUE(client.ask("x\r\n.\r\n").starts_with("554 5.7.1 "));
  give_envelope(client);
  EXPECT_TRUE(client.ask("BDAT 1 LAST\r\nx").starts_with("451 4.3.0 "));
  give_envelope(client);
  EXPECT_TRUE(client.ask("BDAT 1 LAST\r\nx").starts_with("250 "));
  EXPECT_EQ(peer.messages(), 1U);
}

TEST(Rule, StallSaysNothingUntilTheClientCloses) {
  PeerProcess peer(once(plain()), "at MAIL: stall");
  PeerClient client(peer.port());
  greet(client);
  client.say("MAIL FROM:<a@x>\r\n");
  client.finish_saying();
  EXPECT_EQ(client.hear_all(), "");
  EXPECT_EQ(peer.wait(), 0);
  EXPECT_EQ(peer.total(1, "end"), "rule-stall");
}

TEST(Rule, SwallowTakesAllAndSaysNothing) {
  PeerProcess peer(once(plain()), "at MAIL: swallow");
  PeerClient client(peer.port());
  greet(client);
  client.say("MAIL FROM:<a@x>\r\n");
  client.say(std::string(8000000, 'x'));
  client.finish_saying();
  EXPECT_EQ(client.hear_all(), "");
  EXPECT_EQ(peer.wait(), 0);
}

TEST(Rule, DropCloseNotify) {
  PeerProcess peer(Strings{}, "connection 1 at NOOP: drop close-notify\nat NOOP: drop");
  for (const char* how : {"close-notify", "truncated"}) {
    PeerClient client(peer.port());
    ASSERT_EQ(client.start_tls(peer.path("ca.pem"), "localhost"), "");
    client.hear();
    EXPECT_EQ(client.ask("NOOP\r\n"), "");
    EXPECT_EQ(client.ended(), how);
  }
}

TEST(Rule, OccurrenceAndText) {
  PeerProcess peer(plain(), "at RCPT 2: say \"450 second\\r\\n\"\nat RCPT when \"bob\": refuse");
  PeerClient client(peer.port());
  greet(client);
  client.ask("MAIL FROM:<a@x>\r\n");
  EXPECT_TRUE(client.ask("RCPT TO:<bob@y>\r\n").starts_with("554 "));
  EXPECT_EQ(client.ask("RCPT TO:<bob@y>\r\n"), "450 second\r\n");
  EXPECT_TRUE(client.ask("RCPT TO:<eve@y>\r\n").starts_with("250 "));
  EXPECT_TRUE(client.ask("DATA\r\n").starts_with("354 "));
}

TEST(Rule, APositiveSayTakesEffect) {
  PeerProcess peer(plain(),
                   "at MAIL: say \"250-a\\r\\n250 b\\r\\n\"\nat DATA: say \"354 go\\r\\n\"");
  PeerClient client(peer.port());
  greet(client);
  EXPECT_EQ(client.ask("MAIL FROM:<a@x>\r\n"), "250-a\r\n250 b\r\n");
  client.ask("RCPT TO:<b@y>\r\n");
  EXPECT_EQ(client.ask("DATA\r\n"), "354 go\r\n");
  EXPECT_TRUE(client.ask("x\r\n.\r\n").starts_with("250 "));
}

TEST(Rule, ContinueDoesWhatWouldHaveBeenDone) {
  PeerProcess peer(plain(), "at MAIL: delay 1; say \"250-first\\r\\n\" then continue");
  PeerClient client(peer.port());
  greet(client);
  EXPECT_EQ(client.ask("MAIL FROM:<a@x>\r\n"), "250-first\r\n250 2.1.0 Ok\r\n");
  EXPECT_TRUE(client.ask("RCPT TO:<b@y>\r\n").starts_with("250 "));
}

TEST(Rule, ReadAndSignInMakeAMechanism) {
  PeerProcess peer(plain({"--require-auth"}),
                   "add-capability \"AUTH XOAUTH2\"\n"
                   "at AUTH when \"XOAUTH2\": say \"334 e30=\\r\\n\"; read; say \"235 ok\\r\\n\"; "
                   "sign-in");
  PeerClient client(peer.port());
  greet(client);
  EXPECT_EQ(client.ask("AUTH XOAUTH2\r\n"), "334 e30=\r\n");
  EXPECT_EQ(client.ask("token\r\n"), "235 ok\r\n");
  EXPECT_TRUE(client.ask("MAIL FROM:<a@x>\r\n").starts_with("250 "));
  EXPECT_EQ(peer.file("log").find("token"), std::string::npos);
}

TEST(Rule, RepeatAndBareReplies) {
  PeerProcess peer(plain(), R"(at NOOP: repeat 1000 "250-\x41\n"; say "250 end\r\n")");
  PeerClient client(peer.port());
  client.hear();
  std::string expected;
  for (int i = 0; i < 1000; ++i) expected += "250-A\n";
  EXPECT_EQ(client.ask("NOOP\r\n"), expected + "250 end\r\n");
}

TEST(Rule, AChunkCanBeRefused) {
  PeerProcess peer(plain(), "at BDAT 2: defer");
  PeerClient client(peer.port());
  greet(client);
  give_envelope(client);
  EXPECT_TRUE(client.ask("BDAT 1\r\nx").starts_with("250 "));
  EXPECT_TRUE(client.ask("BDAT 1\r\ny").starts_with("451 "));
  EXPECT_TRUE(client.ask("BDAT 1 LAST\r\nz").starts_with("503 "));
  EXPECT_EQ(peer.messages(), 0U);
}

TEST(Rule, CapabilitiesCanBeReplaced) {
  PeerProcess peer(plain(),
                   "replace-capabilities \"X\" \"Y Z\"\nadd-capability \"LIMITS RCPTMAX=2\"\n"
                   "remove-capability \"X\"");
  PeerClient client(peer.port());
  client.hear();
  EXPECT_EQ(client.ask("EHLO me\r\n"),
            "250-peer.test greets me\r\n250-Y Z\r\n250 LIMITS RCPTMAX=2\r\n");
}

TEST(Rule, AMistakeIsToldWithItsLine) {
  const std::string scenario = ::testing::TempDir() + "peer-test.scenario";
  std::ofstream(scenario) << "at EOD: drop\nat EOD: fly\n";
  const RunResult result =
      PeerProcess::run({"--dir", ::testing::TempDir() + "peer-test.dir", "--scenario", scenario});
  EXPECT_EQ(result.status, 2);
  EXPECT_NE(result.errors.find("scenario line 2: unknown action fly"), std::string::npos);
}

TEST(Rule, TheScenarioIsReadAnewForEachConnection) {
  PeerProcess peer(plain(), "at greeting: say \"421 no\\r\\n\"; drop");
  EXPECT_EQ(PeerClient(peer.port()).hear(), "421 no\r\n");
  peer.set_scenario("");
  EXPECT_TRUE(PeerClient(peer.port()).hear().starts_with("220 "));
}

TEST(Rule, OutputByteByByte) {
  PeerProcess peer(plain());
  for (const char* scenario : {"output one byte per write", "every byte 1"}) {
    peer.set_scenario(scenario);
    PeerClient client(peer.port());
    greet(client);
  }
}

TEST(Rule, ASlowReaderReadsAll) {
  PeerProcess peer(plain(), "rate in 2000000");
  const std::string body(200000, 'x');
  EXPECT_TRUE(send_data(peer, {body + "\r\n.\r\n"}).starts_with("250 "));
  EXPECT_EQ(peer.file("messages/000001.eml"), body + "\r\n");
}

namespace {

// A whole dialogue, one command at a time, until it or the line is over.
const Strings& dialogue() {
  static const Strings parts = {"EHLO me\r\n", "MAIL FROM:<a@x>\r\n", "RCPT TO:<b@y>\r\n",
                                "DATA\r\n",    "..one\r\n.\r\n",      "QUIT\r\n"};
  return parts;
}

// The octets heard after the greeting and each reply.
std::vector<std::uint64_t> converse(PeerClient& client) {
  client.hear();
  std::vector<std::uint64_t> heard{client.heard()};
  for (const std::string& part : dialogue()) {
    if (client.over()) break;
    client.ask(part);
    heard.push_back(client.heard());
  }
  client.hear_all();
  return heard;
}

std::uint64_t said_until(std::size_t parts) {
  std::uint64_t octets = 0;
  for (std::size_t i = 0; i < parts; ++i) octets += dialogue()[i].size();
  return octets;
}

}  // namespace

// Cuts: every offset of a dialogue

class Cuts : public ::testing::TestWithParam<const char*> {
 protected:
  Cuts() : peer_(plain()) {
    PeerClient client(peer_.port());
    heard_ = converse(client);
    total_out_ = client.heard();
  }

  void cut(const std::string& way, std::uint64_t offset) {
    const std::size_t before = peer_.messages();
    peer_.set_scenario("cut " + way + " " + std::to_string(offset) + " " + GetParam());
    PeerClient client(peer_.port());
    converse(client);
    ++connection_;
    cut_heard_ = client.heard();
    ended_ = client.ended();
    stored_ = peer_.messages() - before;
  }

  std::string total(const std::string& key) const { return peer_.total(connection_, key); }
  std::string expected_end() const { return GetParam() == std::string("reset") ? "reset" : "fin"; }

  // What is heard when `octets` were taken in: replies to what ended before the last of them.
  std::uint64_t heard_after(std::uint64_t octets) const {
    std::uint64_t heard = octets == 0 ? 0 : heard_.front();
    for (std::size_t i = 1; i <= dialogue().size(); ++i) {
      if (said_until(i) < octets) heard = heard_.at(i);
    }
    return heard;
  }

  PeerProcess peer_;
  std::vector<std::uint64_t> heard_;
  std::uint64_t total_out_ = 0;
  std::uint64_t connection_ = 1;
  std::uint64_t cut_heard_ = 0;
  std::size_t stored_ = 0;
  std::string ended_;
};

TEST_P(Cuts, InAtEveryOffset) {
  for (std::uint64_t offset = 0; offset <= said_until(dialogue().size()); ++offset) {
    cut("in", offset);
    EXPECT_EQ(total("in"), std::to_string(offset));
    EXPECT_EQ(cut_heard_, heard_after(offset)) << "offset " << offset;
    EXPECT_EQ(stored_, offset >= said_until(5) ? 1U : 0U) << "offset " << offset;
    EXPECT_EQ(ended_, expected_end());
    EXPECT_EQ(total("end"), "cut-in");
  }
}

TEST_P(Cuts, OutAtEveryOffset) {
  for (std::uint64_t offset = 0; offset <= total_out_; ++offset) {
    cut("out", offset);
    EXPECT_EQ(cut_heard_, offset);
    EXPECT_EQ(total("out"), std::to_string(offset));
    EXPECT_EQ(total("end"), "cut-out");
    EXPECT_EQ(stored_, offset > heard_.at(4) ? 1U : 0U) << "offset " << offset;
    EXPECT_EQ(ended_, expected_end());
  }
}

TEST_P(Cuts, RawInAndOut) {
  for (std::uint64_t offset = 0; offset < said_until(5); offset += 3) {
    cut("rawin", offset);
    EXPECT_EQ(total("rawin"), std::to_string(offset));
    EXPECT_EQ(stored_, 0U);
    cut("rawout", offset);
    EXPECT_EQ(cut_heard_, offset);
  }
  cut("rawin", said_until(5));
  EXPECT_EQ(stored_, 1U);
}

INSTANTIATE_TEST_SUITE_P(Endings, Cuts, ::testing::Values("drop", "reset"));

TEST(Cut, StallTakesNoMoreAndWaitsForTheClient) {
  PeerProcess peer(once(plain()), "cut out 10 stall");
  PeerClient client(peer.port());
  client.finish_saying();
  EXPECT_EQ(client.hear_all(), "220 peer.t");
  EXPECT_EQ(peer.wait(), 0);
}

TEST(Cut, APipelinedGroupIsCarriedOutBeforeItsRepliesGo) {
  PeerProcess peer(plain(), "connection 2 cut out 200 drop");
  { PeerClient(peer.port()).hear(); }
  PeerClient client(peer.port());
  greet(client);
  client.say(std::string(envelope) + "BDAT 1 LAST\r\nx");
  client.hear_all();
  EXPECT_EQ(client.heard(), 200U);
  EXPECT_EQ(peer.messages(), 1U);
}

TEST(Cut, RawOffsetsUnderTls) {
  PeerProcess peer(Strings{});
  std::uint64_t connection = 0;
  for (std::uint64_t offset = 0; offset < 1400; offset += 67) {
    for (const std::string way : {"rawin", "rawout"}) {
      peer.set_scenario("cut " + way + " " + std::to_string(offset) + " drop");
      PeerClient client(peer.port());
      if (client.start_tls(peer.path("ca.pem"), "localhost").empty()) converse(client);
      client.hear_all();
      const bool whole = peer.total(++connection, "end") == "quit";
      EXPECT_TRUE(whole || peer.total(connection, way) == std::to_string(offset)) << way << offset;
    }
  }
}

namespace {

// STARTTLS and one message by BDAT, as far as the line lasts.
void converse_by_starttls(PeerClient& client, const PeerProcess& peer) {
  client.hear();
  client.ask("EHLO me\r\n");
  if (!client.ask("STARTTLS\r\n").starts_with("220 ")) return;
  if (!client.start_tls(peer.path("ca.pem"), "localhost").empty()) return;
  for (const char* part : {"EHLO me\r\n", "MAIL FROM:<a@x>\r\n", "RCPT TO:<b@y>\r\n",
                           "BDAT 3 LAST\r\nx\r\n", "QUIT\r\n"}) {
    if (!client.over()) client.ask(part);
  }
  client.hear_all();
}

}  // namespace

TEST(Cut, EveryOffsetOfStarttls) {
  PeerProcess peer({"--tls", "starttls"});
  constexpr std::uint64_t until_starttls = 9 + 10;
  constexpr std::uint64_t until_end_of_data = until_starttls + 9 + 17 + 15 + 13 + 3;
  for (std::uint64_t offset = 0; offset <= until_end_of_data; ++offset) {
    const std::size_t before = peer.messages();
    peer.set_scenario("cut in " + std::to_string(offset) + " drop");
    PeerClient client(peer.port());
    converse_by_starttls(client, peer);
    EXPECT_EQ(peer.total(offset + 1, "in"), std::to_string(offset));
    EXPECT_EQ(peer.messages() - before, offset == until_end_of_data ? 1U : 0U) << offset;
  }
}
