// A line under TLS against a GnuTLS server: certificates, exact record counts, tickets, endings.

#include <gtest/gtest.h>

#include <array>

#include "net/line.hh"
#include "net/socket.hh"
#include "net_support.hh"

namespace sendonce::net::test {
namespace {

Result<ReadCount> read_some(Line& line, std::string& into, Deadline deadline = soon()) {
  std::array<char, 4096> bytes{};
  auto got = line.read(bytes, deadline);
  if (got) into.assign(bytes.data(), got->count);
  return got;
}

std::string read_text(Line& line) {
  std::string text;
  const auto got = read_some(line, text);
  return got ? text : got.error().message;
}

class NetTlsVersions : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(All, NetTlsVersions, testing::Values(tls12, tls13));

// ---- plain sailing

TEST_P(NetTlsVersions, RequestAndResponseWithoutWouldBlock) {
  TlsPair pair(tcp_pair(), GetParam());
  ASSERT_TRUE(pair.status) << pair.status.error().message;
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(pair.line.write("NOOP\r\n", soon(), false).value_or(0), 6U);
    ASSERT_EQ(pair.peer.read_line(), "NOOP\r\n");
    pair.peer.write("250 ok\r\n");
    ASSERT_EQ(read_text(pair.line), "250 ok\r\n");
  }
  EXPECT_EQ(pair.line.counters().would_block, 0U);
  EXPECT_EQ(pair.line.counters().payload_out, 120U);
  EXPECT_LE(pair.line.counters().writes, 20U + 3U);
  EXPECT_LE(pair.line.counters().reads, 20U + 10U);
}

TEST_P(NetTlsVersions, DescribesItself) {
  const TlsPair pair(socket_pair(), GetParam());
  ASSERT_TRUE(pair.status);
  const TlsInfo* const info = pair.line.tls_info();
  ASSERT_NE(info, nullptr);
  EXPECT_EQ(info->version, GetParam() == std::string(tls12) ? "TLS 1.2" : "TLS 1.3");
  EXPECT_FALSE(info->cipher.empty());
  EXPECT_FALSE(info->resumed);
  EXPECT_EQ(info->certificate.subject, "CN=a test server");
  EXPECT_EQ(info->certificate.issuer, "CN=a test authority");
  EXPECT_EQ(info->certificate.names, std::vector<std::string>{"mail.example.org"});
  EXPECT_EQ(info->certificate.fingerprint.size(), 7U + 64U);
  EXPECT_LT(info->certificate.not_before, info->certificate.not_after);
}

TEST_P(NetTlsVersions, LargeMessageArrivesWhole) {
  TlsPair pair(tcp_pair(), GetParam());
  ASSERT_TRUE(pair.status);
  const std::string message = sample(20'000'000);
  std::string received;
  {
    const Running server([&] {
      received = pair.peer.read_exactly(message.size());
      pair.peer.write("250 ok\r\n");
    });
    EXPECT_EQ(pair.line.write(message, soon(), true).value_or(0), message.size());
  }
  EXPECT_TRUE(received == message);
  EXPECT_EQ(read_text(pair.line), "250 ok\r\n");
  EXPECT_EQ(pair.line.counters().would_block, 0U);
  EXPECT_EQ(pair.line.counters().payload_out, message.size());
}

TEST_P(NetTlsVersions, PeerByteByByte) {
  TlsPair pair(tcp_pair(), GetParam(), client_settings(), server_identity(), true);
  ASSERT_TRUE(pair.status) << pair.status.error().message;
  std::string text;
  const Running server([&] { pair.peer.write("220 mail.example.org ESMTP\r\n"); });
  EXPECT_EQ(read_text(pair.line), "220 mail.example.org ESMTP\r\n");
  EXPECT_EQ(pair.line.counters().would_block, 0U);
}

TEST(NetTls, SmallReadsGetAllOfARecord) {
  TlsPair pair(socket_pair());
  ASSERT_TRUE(pair.status);
  pair.peer.write("250 ok\r\n");
  std::string text;
  for (std::array<char, 3> bytes{}; text.size() < 8;) {
    const auto got = pair.line.read(bytes, soon());
    ASSERT_TRUE(got);
    text.append(bytes.data(), got->count);
    EXPECT_EQ(pair.line.has_input(), text.size() < 8);
  }
  EXPECT_EQ(text, "250 ok\r\n");
}

// ---- tickets

TEST(NetTls, TicketsAreNoInput) {
  TlsSettings settings = client_settings();
  settings.tickets = std::make_shared<TicketStore>();
  TlsPair pair(socket_pair(), tls13, settings);
  ASSERT_TRUE(pair.status);
  EXPECT_EQ(pair.line.write("EHLO me\r\n", soon(), true).value_or(0), 9U);
  EXPECT_FALSE(pair.line.has_input());
  // The server has sent its tickets at the end of its handshake; they may still be on their way.
  bool came = !settings.tickets->take(settings.server).empty();
  while (!came) {
    await_bytes(pair.line);
    EXPECT_FALSE(pair.line.has_input());
    came = !settings.tickets->take(settings.server).empty();
  }
  EXPECT_TRUE(settings.tickets->take(settings.server).empty());
}

TEST_P(NetTlsVersions, ResumesOnceATicket) {
  TlsSettings settings = client_settings();
  settings.tickets = std::make_shared<TicketStore>();
  for (const bool resumed : {false, true, true}) {
    TlsPair pair(socket_pair(), GetParam(), settings);
    ASSERT_TRUE(pair.status) << pair.status.error().message;
    EXPECT_EQ(pair.line.tls_info()->resumed, resumed);
    EXPECT_EQ(pair.line.tls_info()->certificate.subject, "CN=a test server");
    pair.peer.write("220 hello\r\n");
    EXPECT_EQ(read_text(pair.line), "220 hello\r\n");
  }
}

TEST_P(NetTlsVersions, ResumedSessionIsVerifiedAgain) {
  TlsSettings settings = client_settings();
  settings.tickets = std::make_shared<TicketStore>();
  {
    TlsPair pair(socket_pair(), GetParam(), settings);
    ASSERT_TRUE(pair.status);
    pair.peer.write("220 hello\r\n");
    EXPECT_EQ(read_text(pair.line), "220 hello\r\n");
  }
  settings.host = "other.example.org";
  TlsPair pair(socket_pair(), GetParam(), settings);
  ASSERT_FALSE(pair.status);
  EXPECT_EQ(pair.status.error().cause, Cause::certificate);
}

TEST(NetTls, RubbishTicketMeansFullHandshake) {
  TlsSettings settings = client_settings();
  settings.tickets = std::make_shared<TicketStore>();
  settings.tickets->put(settings.server, Secret("no ticket at all"));
  const TlsPair pair(socket_pair(), tls13, settings);
  ASSERT_TRUE(pair.status);
  EXPECT_FALSE(pair.line.tls_info()->resumed);
}

TEST(NetTls, KeyUpdateIsAnsweredAndIsNoInput) {
  TlsPair pair(socket_pair());
  ASSERT_TRUE(pair.status);
  ASSERT_EQ(gnutls_session_key_update(pair.peer.session(), GNUTLS_KU_PEER), 0);
  EXPECT_FALSE(pair.line.has_input());
  EXPECT_EQ(pair.line.write("NOOP\r\n", soon(), true).value_or(0), 6U);
  EXPECT_EQ(pair.peer.read_line(), "NOOP\r\n");
  pair.peer.write("250 ok\r\n");
  EXPECT_EQ(read_text(pair.line), "250 ok\r\n");
}

TEST(NetTls, RenegotiationIsDeclined) {
  TlsPair pair(socket_pair(), tls12);
  ASSERT_TRUE(pair.status);
  (void)gnutls_rehandshake(pair.peer.session());
  EXPECT_FALSE(pair.line.has_input());
  EXPECT_EQ(pair.line.write("NOOP\r\n", soon(), true).value_or(0), 6U);
  EXPECT_EQ(pair.peer.read_line(), "NOOP\r\n");
}

// ---- exact counts

/// A write that the server interrupts: it reads a record, speaks, and reads no more.
std::size_t interrupted_write(TlsPair& pair, const std::string& message, std::string& received) {
  const Running server([&] {
    (void)pair.peer.read(received);
    pair.peer.write("421 enough\r\n");
  });
  return pair.line.write(message, soon(), true).value_or(0);
}

TEST_P(NetTlsVersions, InterruptedWriteCountsWholeRecordsAndGoesOn) {
  Pair sockets = socket_pair();
  shrink_buffers(sockets);
  TlsPair pair(std::move(sockets), GetParam());
  ASSERT_TRUE(pair.status);
  const std::string message = sample(2'000'000);
  std::string received;
  const std::size_t written = interrupted_write(pair, message, received);
  EXPECT_LT(written, message.size());
  EXPECT_EQ(pair.line.counters().payload_out, written);
  received += pair.peer.read_what_is_there();
  EXPECT_EQ(received.size(), written);
  EXPECT_EQ(read_text(pair.line), "421 enough\r\n");
  {
    const Running server([&] { received += pair.peer.read_exactly(message.size() - written); });
    EXPECT_EQ(pair.line.write(std::string_view(message).substr(written), soon(), true).value_or(0),
              message.size() - written);
  }
  EXPECT_TRUE(received == message);
}

TEST_P(NetTlsVersions, ReadAndCloseAddNothingToAnInterruptedWrite) {
  Pair sockets = socket_pair();
  shrink_buffers(sockets);
  TlsPair pair(std::move(sockets), GetParam());
  ASSERT_TRUE(pair.status);
  const std::string message = sample(2'000'000);
  std::string received;
  const std::size_t written = interrupted_write(pair, message, received);
  received += pair.peer.read_what_is_there();  // now there is room for more
  EXPECT_EQ(read_text(pair.line), "421 enough\r\n");
  pair.line.close();
  while (pair.peer.read(received) > 0) {
  }
  EXPECT_TRUE(received == message.substr(0, written));
}

TEST(NetTls, FailedWriteLeavesAnExactCounter) {
  TlsPair pair(socket_pair());
  ASSERT_TRUE(pair.status);
  const auto written = pair.line.write(sample(4'000'000), Deadline::after(Milliseconds(50)), false);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().cause, Cause::timed_out);
  EXPECT_EQ(pair.line.counters().would_block, 0U);
  EXPECT_EQ(pair.peer.read_what_is_there().size(), pair.line.counters().payload_out);
  EXPECT_FALSE(pair.line.write("QUIT\r\n", soon(), false));
  pair.line.close();
  std::string rest;
  EXPECT_LE(pair.peer.read(rest), 0);
  EXPECT_TRUE(rest.empty());
}

TEST(NetTls, AWriteGoesOnWithTheSameBytesOnly) {
  Pair sockets = socket_pair();
  shrink_buffers(sockets);
  TlsPair pair(std::move(sockets));
  ASSERT_TRUE(pair.status);
  std::string received;
  (void)interrupted_write(pair, sample(2'000'000), received);
  const auto written = pair.line.write("QUIT\r\n", soon(), false);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().cause, Cause::internal);
}

TEST(NetTls, InputThatWasThereBeforeStopsAWrite) {
  TlsPair pair(socket_pair());
  ASSERT_TRUE(pair.status);
  pair.peer.write("421 bye\r\n");
  EXPECT_EQ(pair.line.write("DATA\r\n", soon(), true).value_or(1), 0U);
  EXPECT_EQ(pair.line.write("DATA\r\n", soon(), false).value_or(0), 6U);
  EXPECT_EQ(read_text(pair.line), "421 bye\r\n");
}

// ---- endings

TEST_P(NetTlsVersions, CloseNotifyIsAnEnd) {
  TlsPair pair(socket_pair(), GetParam());
  ASSERT_TRUE(pair.status);
  pair.peer.write("221 bye\r\n");
  pair.peer.say_goodbye();
  EXPECT_EQ(read_text(pair.line), "221 bye\r\n");
  std::string text;
  for (int i = 0; i < 2; ++i) {
    const auto got = read_some(pair.line, text);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->count, 0U);
    EXPECT_FALSE(got->truncated);
  }
}

TEST_P(NetTlsVersions, EndWithoutCloseNotifyIsTruncation) {
  TlsPair pair(socket_pair(), GetParam());
  ASSERT_TRUE(pair.status);
  pair.peer.write("250 ok\r\n");
  pair.socket.close();
  EXPECT_EQ(read_text(pair.line), "250 ok\r\n");
  EXPECT_TRUE(gets_input(pair.line));
  std::string text;
  const auto got = read_some(pair.line, text);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->count, 0U);
  EXPECT_TRUE(got->truncated);
}

TEST(NetTls, ResetIsConnectionLost) {
  if (!can_reset()) GTEST_SKIP() << "no line can be reset here";
  TlsPair pair(tcp_pair());
  ASSERT_TRUE(pair.status);
  reset(std::move(pair.socket));
  std::string text;
  const auto got = read_some(pair.line, text);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().cause, Cause::connection_lost);
  EXPECT_EQ(got.error().message, "the server reset the connection");
  EXPECT_FALSE(pair.line.write("x", soon(), false));
}

TEST(NetTls, FatalAlertIsNamed) {
  TlsPair pair(socket_pair());
  ASSERT_TRUE(pair.status);
  gnutls_alert_send(pair.peer.session(), GNUTLS_AL_FATAL, GNUTLS_A_ACCESS_DENIED);
  std::string text;
  const auto got = read_some(pair.line, text);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().cause, Cause::tls_failed);
  EXPECT_NE(got.error().message.find("Access was denied"), std::string::npos)
      << got.error().message;
}

TEST(NetTls, GarbageInTheStreamIsTlsFailed) {
  TlsPair pair(socket_pair());
  ASSERT_TRUE(pair.status);
  send_all(pair.socket, std::string("\x17\x03\x03\x00\x20", 5) + sample(32));
  EXPECT_TRUE(gets_input(pair.line));
  std::string text;
  const auto got = read_some(pair.line, text);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().cause, Cause::tls_failed);
}

TEST(NetTls, CloseSaysCloseNotify) {
  TlsPair pair(socket_pair());
  ASSERT_TRUE(pair.status);
  // The server's tickets are read first: a line that is closed with something unread is reset, and
  // there are systems on which that takes what was sent before from the other side.
  std::array<char, 8> nothing{};
  EXPECT_FALSE(pair.line.read(nothing, Deadline::after(Milliseconds(100))));
  ASSERT_TRUE(pair.line.write("QUIT\r\n", soon(), false));
  pair.line.close();
  std::string text;
  EXPECT_EQ(pair.peer.read(text), 6);
  EXPECT_EQ(pair.peer.read(text), 0);
}

// ---- certificates

struct Refusal {
  Error error;
  std::string heard_by_server;
  bool described = false;
};

Refusal refused(const Identity& identity, const TlsSettings& settings = client_settings(),
                const char* priority = tls13) {
  TlsPair pair(socket_pair(), priority, settings, identity);
  Refusal refusal;
  if (!pair.status) refusal.error = pair.status.error();
  refusal.described = pair.line.tls_info() != nullptr;
  EXPECT_FALSE(pair.line.write("EHLO me\r\n", soon(), false));
  (void)pair.peer.read(refusal.heard_by_server);
  return refusal;
}

void expect_refused(const Identity& identity, const std::string& words,
                    const TlsSettings& settings = client_settings()) {
  for (const char* const priority : {tls12, tls13}) {
    const Refusal refusal = refused(identity, settings, priority);
    EXPECT_EQ(refusal.error.cause, Cause::certificate) << refusal.error.message;
    EXPECT_EQ(refusal.error.phase, Phase::tls);
    EXPECT_NE(refusal.error.message.find(words), std::string::npos) << refusal.error.message;
    EXPECT_EQ(refusal.heard_by_server, "");
    EXPECT_TRUE(refusal.described);
  }
}

TlsSettings settings_for(const std::string& host) {
  TlsSettings settings = client_settings();
  settings.host = host;
  return settings;
}

bool accepted(const Identity& identity, const std::string& host) {
  const TlsPair pair(socket_pair(), tls13, settings_for(host), identity);
  return pair.status.has_value();
}

TEST(NetCertificate, Expired) {
  CertificateWish wish;
  wish.not_before = 1'600'000'000;
  wish.not_after = 1'700'000'000;
  expect_refused(*signed_identity(wish), "it expired on 2023-11-14 22:13 UTC");
}

TEST(NetCertificate, NotYetValid) {
  CertificateWish wish;
  wish.not_before = 3'000'000'000;
  wish.not_after = 3'100'000'000;
  expect_refused(*signed_identity(wish), "it is valid only from 2065-01-24 05:20 UTC");
}

TEST(NetCertificate, WrongHost) {
  CertificateWish wish;
  wish.names = {"a.example.org", "b.example.org"};
  expect_refused(*signed_identity(wish),
                 "it is for a.example.org, b.example.org, not for mail.example.org");
}

TEST(NetCertificate, CommonNameDoesNotCount) {
  CertificateWish wish;
  wish.names = {};
  wish.common_name = "mail.example.org";
  expect_refused(*signed_identity(wish), "it names no host (its subject is CN=mail.example.org)");
}

TEST(NetCertificate, CommonNameDoesNotCountBesideAnAddress) {
  CertificateWish wish;
  wish.names = {};
  wish.addresses = {"192.0.2.1"};
  wish.common_name = "mail.example.org";
  expect_refused(*signed_identity(wish), "it is for 192.0.2.1, not for mail.example.org");
}

TEST(NetCertificate, SelfSigned) {
  const Identity identity({}, nullptr, false);
  expect_refused(identity, "it is self-signed (CN=a test server)");
}

TEST(NetCertificate, UnknownAuthority) {
  const Identity stranger({{}, {}, "a stranger"}, nullptr, true);
  const Identity identity({}, &stranger, false);
  expect_refused(identity, "its authority is not trusted (CN=a stranger)");
}

TEST(NetCertificate, AllFaultsAreNamed) {
  CertificateWish wish;
  wish.names = {"a.example.org"};
  wish.not_before = 1'600'000'000;
  wish.not_after = 1'700'000'000;
  const Identity identity(wish, nullptr, false);
  const Refusal refusal = refused(identity);
  for (const char* const words : {"self-signed", "expired on 2023-11-14", "not for mail."})
    EXPECT_NE(refusal.error.message.find(words), std::string::npos) << refusal.error.message;
}

TEST(NetCertificate, NamesAndAddresses) {
  CertificateWish wish;
  wish.names = {"*.example.net", "mail.example.org"};
  wish.addresses = {"192.0.2.7", "2001:db8::7"};
  const auto identity = signed_identity(wish);
  EXPECT_TRUE(accepted(*identity, "mail.example.org"));
  EXPECT_TRUE(accepted(*identity, "MAIL.example.org."));
  EXPECT_TRUE(accepted(*identity, "smtp.example.net"));
  EXPECT_TRUE(accepted(*identity, "192.0.2.7"));
  EXPECT_TRUE(accepted(*identity, "[2001:db8::7]"));
  EXPECT_FALSE(accepted(*identity, "192.0.2.8"));
  EXPECT_FALSE(accepted(*identity, "a.b.example.net"));
  EXPECT_FALSE(accepted(*identity, "example.net"));
}

TEST(NetCertificate, AddressAsDnsNameDoesNotCount) {
  CertificateWish wish;
  wish.names = {"192.0.2.7"};
  EXPECT_FALSE(accepted(*signed_identity(wish), "192.0.2.7"));
}

TEST(NetCertificate, HostileNamesAreShownHarmless) {
  CertificateWish wish;
  wish.names = {"evil\x1b[2J.example"};
  const Refusal refusal = refused(*signed_identity(wish));
  EXPECT_EQ(refusal.error.cause, Cause::certificate);
  EXPECT_EQ(refusal.error.message.find('\x1b'), std::string::npos);
}

TEST(NetCertificate, TrustFileThatIsNot) {
  const TemporaryFile rubbish("rubbish");
  for (const std::string& path : {rubbish.path(), std::string("/nonexistent/ca.pem")}) {
    TlsSettings settings = client_settings();
    settings.trust_files = {path};
    Pair sockets = socket_pair();
    Line line(std::move(sockets.ours), make_wake());
    const Status status = line.start_tls(settings, soon());
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().cause, Cause::certificate);
    EXPECT_NE(status.error().message.find(path), std::string::npos) << status.error().message;
    EXPECT_FALSE(line.write("EHLO me\r\n", soon(), false));
  }
}

// ---- handshakes that come to nothing

TEST(NetHandshake, ClearTextServer) {
  const Error error = failed_start([](const Descriptor& socket) {
    send_all(socket, "220 mail.example.org ESMTP\r\n");
    (void)receive_until_end(socket);
  });
  EXPECT_EQ(error.cause, Cause::not_tls);
  EXPECT_EQ(error.reply, "220 mail.example.org ESMTP");
  EXPECT_EQ(error.phase, Phase::tls);
}

TEST(NetHandshake, ClearTextServerByteByByte) {
  const Error error = failed_start([](const Descriptor& socket) {
    for (const char byte : std::string("220 hello\r\n")) send_all(socket, {&byte, 1});
    (void)receive_until_end(socket);
  });
  EXPECT_EQ(error.cause, Cause::not_tls);
  EXPECT_EQ(error.reply, "220 hello");
}

TEST(NetHandshake, ClearTextWithoutEnd) {
  const Error error =
      failed_start([](const Descriptor& socket) { send_all(socket, "554 go away"); });
  EXPECT_EQ(error.cause, Cause::not_tls);
  EXPECT_EQ(error.reply, "554 go away");
}

TEST(NetHandshake, Garbage) {
  const Error error = failed_start([](const Descriptor& socket) {
    send_all(socket, std::string("\x00\x01\x02\x03\x04\x05\x06\x07", 8));
    (void)receive_until_end(socket);
  });
  EXPECT_EQ(error.cause, Cause::tls_failed) << error.message;
}

TEST(NetHandshake, ServerCloses) {
  const Error error = failed_start([](const Descriptor& socket) {
    std::array<char, 5> head{};
    (void)receive_some(socket.get(), head);
  });
  EXPECT_EQ(error.cause, Cause::connection_lost);
}

TEST(NetHandshake, SilentServerTimesOut) {
  const Error error =
      failed_start([](const Descriptor& socket) { (void)receive_until_end(socket); },
                   Deadline::after(Milliseconds(30)));
  EXPECT_EQ(error.cause, Cause::timed_out);
  EXPECT_EQ(error.phase, Phase::tls);
}

TEST(NetHandshake, CanBeCancelled) {
  Pair sockets = socket_pair();
  const auto wake = make_wake();
  Line line(std::move(sockets.ours), wake);
  const Running canceller([&] { wake->wake(); });
  const Status status = line.start_tls(client_settings(), Deadline::never());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().cause, Cause::cancelled);
}

TEST(NetHandshake, BadSettings) {
  TlsSettings settings = client_settings();
  settings.priority = "NORMAL:+NO-SUCH-THING";
  const auto nobody = [](const Descriptor& socket) { (void)receive_until_end(socket); };
  Error error = failed_start(nobody, soon(), settings);
  EXPECT_EQ(error.cause, Cause::bad_argument);
  EXPECT_NE(error.message.find("NO-SUCH-THING"), std::string::npos) << error.message;
  EXPECT_EQ(failed_start(nobody, soon(), settings_for("")).cause, Cause::bad_argument);
}

}  // namespace
}  // namespace sendonce::net::test
