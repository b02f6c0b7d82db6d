// What the rest of the tests takes for granted of sendonce-peer, shown on the running program:
// the ledger is exact, the oracle sees, the options and TLS do as they say.

#include <gnutls/ocsp.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>

#include "peer_support.hh"

namespace {

Strings octets(const std::string& text) {
  Strings list;
  for (const char c : text) list.emplace_back(1, c);
  return list;
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
