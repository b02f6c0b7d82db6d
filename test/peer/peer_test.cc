// What the rest of the tests takes for granted of sendonce-peer, shown on the running program:
// the ledger is exact, the oracle sees, each cut falls where it should, each verb does its part.

#include <gnutls/ocsp.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <vector>

#include "peer_client.hh"
#include "peer_process.hh"

namespace {

using Strings = std::vector<std::string>;

Strings plain(Strings more = {}) {
  more.insert(more.end(), {"--tls", "plain"});
  return more;
}

Strings once(Strings more = {}) {
  more.insert(more.end(), {"--sessions", "1"});
  return more;
}

constexpr const char* envelope = "MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\n";

void greet(PeerClient& client) {
  EXPECT_EQ(client.hear(), "220 peer.test ESMTP sendonce-peer\r\n");
  EXPECT_TRUE(client.ask("EHLO me\r\n").starts_with("250-peer.test greets me\r\n"));
}

void give_envelope(PeerClient& client) {
  client.say(envelope);
  EXPECT_EQ(client.hear(), "250 2.1.0 Ok\r\n");
  EXPECT_EQ(client.hear(), "250 2.1.5 Ok\r\n");
}

void begin_data(PeerClient& client) {
  greet(client);
  give_envelope(client);
  EXPECT_TRUE(client.ask("DATA\r\n").starts_with("354 "));
}

// Says `content` in pieces of one write each, and the reply to it.
std::string send_data(const PeerProcess& peer, const Strings& pieces) {
  PeerClient client(peer.port());
  begin_data(client);
  for (const std::string& piece : pieces) client.say(piece);
  return client.hear();
}

Strings octets(const std::string& text) {
  Strings list;
  for (const char c : text) list.emplace_back(1, c);
  return list;
}

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

// The ledger

TEST(Ledger, KeepsDataExactlyAndUndoesDots) {
  PeerProcess peer(plain());
  EXPECT_EQ(send_data(peer, {"a: b\r\n\r\n..x\r\n...\r\n..\r\nz\r\n.\r\n"}),
            "250 2.0.0 Ok: queued as 000001\r\n");
  EXPECT_EQ(peer.file("messages/000001.eml"), "a: b\r\n\r\n.x\r\n..\r\n.\r\nz\r\n");
  EXPECT_FALSE(peer.has("violations"));
}

TEST(Ledger, ReadsDataByteByByte) {
  PeerProcess peer(plain());
  send_data(peer, octets("..\r\n\r\n..a\r\n.\r\n"));
  EXPECT_EQ(peer.file("messages/000001.eml"), ".\r\n\r\n.a\r\n");
}

TEST(Ledger, TakesAnEmptyMessage) {
  PeerProcess peer(plain());
  EXPECT_TRUE(send_data(peer, {".\r\n"}).starts_with("250 "));
  EXPECT_TRUE(peer.has("messages/000001.eml"));
  EXPECT_EQ(peer.file("messages/000001.eml"), "");
}

TEST(Ledger, JoinsChunksExactly) {
  PeerProcess peer(plain());
  PeerClient client(peer.port());
  greet(client);
  give_envelope(client);
  EXPECT_EQ(client.ask("BDAT 5\r\n.\r\n.\r"), "250 2.0.0 5 octets taken in\r\n");
  EXPECT_EQ(client.ask("BDAT 0\r\n"), "250 2.0.0 0 octets taken in\r\n");
  EXPECT_EQ(client.ask("BDAT 4 LAST\r\n\n..a"), "250 2.0.0 Ok: queued as 000001\r\n");
  EXPECT_EQ(peer.file("messages/000001.eml"), ".\r\n.\r\n..a");
  EXPECT_FALSE(peer.has("violations"));
}

TEST(Ledger, WritesTheEnvelope) {
  PeerProcess peer(plain());
  PeerClient client(peer.port());
  greet(client);
  client.say(
      "MAIL FROM:<> SIZE=3 BODY=8BITMIME SMTPUTF8\r\nRCPT TO:<b@y>\r\nRCPT TO:<\"> \"@z>\r\n");
  client.say("BDAT 3 LAST\r\n\xc3\xa9!");
  for (int replies = 0; replies < 4; ++replies) EXPECT_TRUE(client.hear().starts_with("250 "));
  EXPECT_EQ(peer.file("messages/000001.env"),
            "from <>\nto <b@y>\nto <\"> \"@z>\ndeclared-size 3\nbody 8BITMIME\nsmtputf8\nvia BDAT\n"
            "helo me\ntls none\nconnection 1\noctets 3\ncontent 8bit\nlongest-line 3\n");
}

TEST(Ledger, RefusesWhatIsTooBig) {
  PeerProcess peer(plain({"--size", "10"}));
  EXPECT_TRUE(send_data(peer, {"0123456789\r\n.\r\n"}).starts_with("552 5.3.4"));
  EXPECT_EQ(peer.messages(), 0U);
}

TEST(Ledger, TakesALargeMessage) {
  PeerProcess peer(plain());
  std::string body;
  while (body.size() < 20000000) body += "0123456789abcdefghijklmnopqrstuvwxyz\r\n";
  EXPECT_TRUE(send_data(peer, {body, ".\r\n"}).starts_with("250 "));
  EXPECT_EQ(peer.file("messages/000001.eml"), body);
}

// The oracle

TEST(Oracle, SeesBareLineEndsAndNulInContent) {
  PeerProcess peer(plain());
  send_data(peer, {std::string("a\nb\rc\0d\r\n.\r\n", 12)});
  EXPECT_EQ(
      peer.file("violations"),
      "#1 DATA: bare LF at offset 1\n#1 DATA: bare CR at offset 3\n#1 DATA: NUL at offset 5\n");
  EXPECT_EQ(peer.file("messages/000001.eml"), std::string("a\nb\rc\0d\r\n", 9));
}

TEST(Oracle, DoesNotTakeABareLineEndForTheEnd) {
  PeerProcess peer(plain());
  send_data(peer, {"a\n.\nb\r\n.\rc\r\n.\r\n"});
  EXPECT_EQ(peer.file("messages/000001.eml"), "a\n.\nb\r\n\rc\r\n");
  EXPECT_NE(peer.file("violations").find("unstuffed dot: 1"), std::string::npos);
}

TEST(Oracle, SeesABareCarriageReturnBetweenChunksAndAtTheEnd) {
  PeerProcess peer(plain());
  PeerClient client(peer.port());
  greet(client);
  give_envelope(client);
  client.ask("BDAT 2\r\na\r");
  client.ask("BDAT 2 LAST\r\nb\r");
  EXPECT_EQ(peer.file("violations"),
            "#1 BDAT: bare CR at offset 1\n#1 BDAT: bare CR at offset 3\n");
}

TEST(Oracle, SeesWhatACommandLineMayNotHave) {
  PeerProcess peer(plain());
  PeerClient client(peer.port());
  greet(client);
  for (const std::string& line :
       {std::string("NOOP\n"), std::string("NO\rOP\r\n"), std::string("NOOP \0\r\n", 8)}) {
    EXPECT_EQ(client.ask(line), "500 5.5.2 Not a line of SMTP\r\n");
  }
  EXPECT_EQ(peer.file("violations"),
            "#1 command: bare LF at offset 4\n#1 command: bare CR at offset 2\n"
            "#1 command: NUL at offset 5\n");
}

TEST(Oracle, SeesAnEndlessLine) {
  PeerProcess peer(plain());
  PeerClient client(peer.port());
  greet(client);
  EXPECT_TRUE(client.ask(std::string(200000, 'x') + "\r\n").starts_with("500 "));
  EXPECT_TRUE(client.ask("NOOP\r\n").starts_with("250 "));
}

TEST(Oracle, SeesUnknownAndMisplacedCommands) {
  PeerProcess peer(plain());
  PeerClient client(peer.port());
  greet(client);
  EXPECT_TRUE(client.ask("XYZZY 1\r\n").starts_with("500 "));
  EXPECT_TRUE(client.ask("DATA\r\n").starts_with("503 "));
  EXPECT_TRUE(client.ask("MAIL FROM: <a@x>\r\n").starts_with("501 "));
  EXPECT_TRUE(client.ask("MAIL FROM:<a@x> FOO=1\r\n").starts_with("555 "));
  EXPECT_EQ(peer.file("violations"),
            "#1 unknown command: XYZZY 1\n#1 out of order: DATA: MAIL and RCPT first\n"
            "#1 syntax: MAIL FROM: <a@x>\n#1 MAIL parameter FOO: unknown\n");
}

TEST(Oracle, SeesPipeliningThatWasNotOffered) {
  PeerProcess peer(plain({"--no-pipelining"}));
  PeerClient client(peer.port());
  greet(client);
  give_envelope(client);
  EXPECT_EQ(peer.file("violations"), "#1 pipelined after MAIL\n");
}

TEST(Oracle, AllowsAGroupWhoseRecipientsAreRefused) {
  PeerProcess peer(plain(), "at RCPT: say \"550 5.1.1 Unknown\\r\\n\"");
  PeerClient client(peer.port());
  greet(client);
  client.say(std::string(envelope) + "BDAT 1 LAST\r\nx");
  EXPECT_TRUE(client.hear().starts_with("250 "));
  EXPECT_EQ(client.hear(), "550 5.1.1 Unknown\r\n");
  EXPECT_TRUE(client.hear().starts_with("554 "));
  EXPECT_FALSE(peer.has("violations"));
  EXPECT_EQ(peer.messages(), 0U);
}

// Options

TEST(Options, CapabilitiesFollowTheSwitches) {
  PeerProcess peer(plain({"--no-chunking", "--no-8bitmime", "--no-smtputf8", "--no-enhanced",
                          "--size", "0", "--user", "u:p", "--auth", "LOGIN"}));
  PeerClient client(peer.port());
  client.hear();
  EXPECT_EQ(client.ask("EHLO me\r\n"),
            "250-peer.test greets me\r\n250-PIPELINING\r\n250 AUTH LOGIN\r\n");
  EXPECT_EQ(client.ask("MAIL FROM:<a@x>\r\n"), "250 Ok\r\n");
}

TEST(Options, HeloOnly) {
  PeerProcess peer(plain({"--helo-only"}));
  PeerClient client(peer.port());
  client.hear();
  EXPECT_TRUE(client.ask("EHLO me\r\n").starts_with("502 "));
  EXPECT_TRUE(client.ask("HELO me\r\n").starts_with("250 "));
  EXPECT_TRUE(client.ask("MAIL FROM:<a@x>\r\n").starts_with("250 "));
}

TEST(Options, WrongOnesAreToldWithStatusTwo) {
  const RunResult unknown = PeerProcess::run({"--wrong"});
  EXPECT_EQ(unknown.status, 2);
  EXPECT_NE(unknown.errors.find("unknown option --wrong"), std::string::npos);
  EXPECT_EQ(PeerProcess::run({}).status, 2);
}

TEST(Options, ComeFromAFileToo) {
  const std::string config = ::testing::TempDir() + "peer-test.config";
  std::ofstream(config) << "# a comment\ngreeting-name from.a.file\ntls plain\n";
  PeerProcess peer({"--config", config});
  EXPECT_EQ(PeerClient(peer.port()).hear(), "220 from.a.file ESMTP sendonce-peer\r\n");
}

TEST(Options, ThePeerLeavesWhenAskedAndWhenInputEnds) {
  PeerProcess asked(plain());
  asked.terminate();
  EXPECT_EQ(asked.wait(), 0);
  PeerProcess orphan(plain());
  EXPECT_EQ(orphan.file("port"), std::to_string(orphan.port()));
  orphan.end_input();
  EXPECT_EQ(orphan.wait(), 0);
}

TEST(Options, RecordKeepsBothDirections) {
  PeerProcess peer(once(plain({"--record"})));
  PeerClient client(peer.port());
  client.ask("QUIT\r\n");
  const std::string heard = client.hear_all();
  EXPECT_EQ(peer.file("dialogue-1.in"), "QUIT\r\n");
  EXPECT_EQ(peer.file("dialogue-1.out"), "220 peer.test ESMTP sendonce-peer\r\n" + heard);
  EXPECT_EQ(peer.total(1, "in"), "6");
  EXPECT_EQ(peer.total(1, "end"), "quit");
}

// Signing in

class SignIn : public ::testing::Test {
 protected:
  SignIn() : peer_(plain({"--user", "joe:secret", "--require-auth"})), client_(peer_.port()) {
    greet(client_);
  }
  std::string ask(const std::string& line) { return client_.ask(line + "\r\n"); }
  PeerProcess peer_;
  PeerClient client_;
};

TEST_F(SignIn, Plain) {
  EXPECT_TRUE(ask("MAIL FROM:<a@x>").starts_with("530 5.7.0"));
  EXPECT_EQ(ask("AUTH PLAIN"), "334 \r\n");
  EXPECT_TRUE(ask("AGpvZQBzZWNyZXQ=").starts_with("235 2.7.0"));
  EXPECT_TRUE(ask("MAIL FROM:<a@x>").starts_with("250 "));
  EXPECT_EQ(peer_.file("log").find("AGpvZQ"), std::string::npos);
}

TEST_F(SignIn, PlainWithInitialResponse) {
  EXPECT_TRUE(ask("AUTH PLAIN AGpvZQBzZWNyZXQ=").starts_with("235 "));
  EXPECT_EQ(peer_.file("log").find("AGpvZQ"), std::string::npos);
}

TEST_F(SignIn, Login) {
  EXPECT_EQ(ask("AUTH LOGIN"), "334 VXNlcm5hbWU6\r\n");
  EXPECT_EQ(ask("am9l"), "334 UGFzc3dvcmQ6\r\n");
  EXPECT_TRUE(ask("c2VjcmV0").starts_with("235 "));
}

TEST_F(SignIn, LoginWithInitialResponse) {
  EXPECT_EQ(ask("auth login am9l"), "334 UGFzc3dvcmQ6\r\n");
  EXPECT_TRUE(ask("c2VjcmV0").starts_with("235 "));
}

TEST_F(SignIn, RefusesAndCanBeWithdrawn) {
  EXPECT_TRUE(ask("AUTH PLAIN AGpvZQB3cm9uZwA=").starts_with("535 5.7.8"));
  EXPECT_TRUE(ask("AUTH PLAIN !!!!").starts_with("501 "));
  EXPECT_TRUE(ask("AUTH CRAM-MD5").starts_with("504 "));
  EXPECT_EQ(ask("AUTH LOGIN"), "334 VXNlcm5hbWU6\r\n");
  EXPECT_TRUE(ask("*").starts_with("501 "));
  EXPECT_FALSE(peer_.has("violations"));
}

// TLS

TEST(Tls, ImplicitWithACertificateOfItsOwn) {
  PeerProcess peer({"--record"});
  PeerClient client(peer.port());
  ASSERT_EQ(client.start_tls(peer.path("ca.pem"), "localhost"), "");
  begin_data(client);
  client.ask("x\r\n.\r\n");
  client.ask("QUIT\r\n");
  client.hear_all();
  EXPECT_EQ(client.ended(), "close-notify");
  EXPECT_NE(peer.file("messages/000001.env").find("tls TLS1.3\nresumed no\n"), std::string::npos);
  EXPECT_EQ(peer.file("dialogue-1.in").substr(0, 9), "EHLO me\r\n");
}

TEST(Tls, StarttlsForgetsWhatWasBefore) {
  PeerProcess peer({"--tls", "starttls", "--user", "u:p"});
  PeerClient client(peer.port());
  client.hear();
  const std::string before = client.ask("EHLO me\r\n");
  EXPECT_NE(before.find("STARTTLS"), std::string::npos);
  EXPECT_EQ(before.find("AUTH"), std::string::npos);
  EXPECT_EQ(client.ask("STARTTLS\r\n"), "220 2.0.0 Go ahead\r\n");
  ASSERT_EQ(client.start_tls(peer.path("ca.pem"), "localhost"), "");
  EXPECT_TRUE(client.ask("MAIL FROM:<a@x>\r\n").starts_with("503 "));
  const std::string after = client.ask("EHLO me\r\n");
  EXPECT_EQ(after.find("STARTTLS"), std::string::npos);
  EXPECT_NE(after.find("AUTH PLAIN LOGIN"), std::string::npos);
}

TEST(Tls, CertificateFaultsAreSeen) {
  for (const char* fault : {"expired", "not-yet", "wrong-host", "self-signed", "untrusted"}) {
    PeerProcess peer(once({"--cert-fault", fault}));
    PeerClient client(peer.port());
    EXPECT_EQ(client.start_tls(peer.path("ca.pem"), "localhost"),
              "GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR")
        << fault;
  }
}

// What sendonce-certificates wrote, once for all tests.
class Certificates {
 public:
  Certificates() : directory_(testing::TempDir() + "sendonce-certificates-XXXXXX") {
    EXPECT_NE(::mkdtemp(directory_.data()), nullptr);
    std::string program = CERTIFICATES_PATH;
    const std::array<char*, 3> words{program.data(), directory_.data(), nullptr};
    pid_t child = -1;
    int status = -1;
    EXPECT_EQ(::posix_spawn(&child, words[0], nullptr, nullptr, words.data(), environ), 0);
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  ~Certificates() { std::filesystem::remove_all(directory_); }
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;
  std::string path(const std::string& name) const { return directory_ + "/" + name; }

 private:
  std::string directory_;
};

std::string case_file(const std::string& name) {
  static const Certificates made;
  return made.path(name);
}

const char* const verification_error = "GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR";

TEST(Tls, AnyCertificateIsShown) {
  PeerProcess good({"--cert", case_file("unneeded-extras.pem")});
  PeerClient first(good.port());
  EXPECT_EQ(first.start_tls(case_file("ca.pem"), "mail.example.org"), "");
  unsigned shown = 0;
  ASSERT_NE(gnutls_certificate_get_peers(first.tls(), &shown), nullptr);
  EXPECT_EQ(shown, 3U);
  PeerProcess bad({"--cert", case_file("path-too-long.pem")});
  PeerClient second(bad.port());
  EXPECT_EQ(second.start_tls(case_file("ca.pem"), "mail.example.org"), verification_error);
}

TEST(Tls, StaplesWhatItIsGiven) {
  for (const bool revoked : {false, true}) {
    const std::string name = revoked ? "ocsp-revoked" : "ocsp-good";
    PeerProcess peer({"--cert", case_file(name + ".pem"), "--ocsp", case_file(name + ".ocsp")});
    PeerClient client(peer.port());
    EXPECT_EQ(client.start_tls(case_file("ca.pem"), "mail.example.org"),
              revoked ? verification_error : "");
    gnutls_datum_t staple{};
    EXPECT_EQ(gnutls_ocsp_status_request_get(client.tls(), &staple), 0);
  }
}

// Under TLS 1.3 the client has finished before the server refuses.
std::string greeting_to(const Strings& options, const std::string& shown) {
  PeerProcess peer(options);
  PeerClient client(peer.port());
  client.show(shown);
  EXPECT_EQ(client.start_tls(peer.path("ca.pem"), "localhost"), "");
  return client.hear();
}

TEST(Tls, DemandsAClientCertificate) {
  const Strings demand{"--client-ca", case_file("ca.pem")};
  EXPECT_TRUE(greeting_to(demand, case_file("no-purpose.pem")).starts_with("220 "));
  EXPECT_EQ(greeting_to(demand, ""), "");
  EXPECT_EQ(greeting_to(demand, case_file("untrusted-root.pem")), "");
}

TEST(Tls, AsksForAClientCertificate) {
  const Strings ask{"--client-ca", case_file("ca.pem"), "--client-optional"};
  EXPECT_TRUE(greeting_to(ask, case_file("no-purpose.pem")).starts_with("220 "));
  EXPECT_TRUE(greeting_to(ask, "").starts_with("220 "));
}

TEST(Tls, NamesAndAddressesAreInTheCertificate) {
  PeerProcess peer({"--tls-host", "mail.example"});
  for (const char* host : {"mail.example", "127.0.0.1", "::1"}) {
    EXPECT_EQ(PeerClient(peer.port()).start_tls(peer.path("ca.pem"), host), "") << host;
  }
}

TEST(Tls, SessionsAreResumed) {
  PeerProcess peer({"--sessions", "2"});
  gnutls_datum_t ticket{nullptr, 0};
  {
    PeerClient first(peer.port());
    ASSERT_EQ(first.start_tls(peer.path("ca.pem"), "localhost"), "");
    first.hear();
    ASSERT_EQ(gnutls_session_get_data2(first.tls(), &ticket), 0);
  }
  PeerClient second(peer.port());
  ASSERT_EQ(second.start_tls(peer.path("ca.pem"), "localhost", &ticket), "");
  gnutls_free(ticket.data);
  EXPECT_NE(gnutls_session_is_resumed(second.tls()), 0);
  second.hear();
  second.ask("QUIT\r\n");
  EXPECT_EQ(second.hear_all(), "");
  EXPECT_EQ(peer.total(2, "resumed"), "yes");
}

TEST(Tls, SayBeforeTheHandshakeIsPlain) {
  PeerProcess peer(once({}), "at tls: say \"220 plain here\\r\\n\"; drop");
  PeerClient client(peer.port());
  EXPECT_EQ(client.hear(), "220 plain here\r\n");
}

TEST(Tls, ARuleCanInjectBeforeTheHandshake) {
  PeerProcess peer({"--tls", "starttls"}, "at STARTTLS: say \"220 Go\\r\\n250 injected\\r\\n\"");
  PeerClient client(peer.port());
  client.hear();
  client.ask("EHLO me\r\n");
  EXPECT_EQ(client.ask("STARTTLS\r\n"), "220 Go\r\n");
  EXPECT_EQ(client.hear(), "250 injected\r\n");
  EXPECT_EQ(client.start_tls(peer.path("ca.pem"), "localhost"), "");
}

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
