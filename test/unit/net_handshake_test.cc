// Versions and algorithms: what the priority string allows, and what is said when a server has
// nothing in common with it.

#include <gtest/gtest.h>

#include "net/line.hh"
#include "net/socket.hh"
#include "net_support.hh"

namespace sendonce::net::test {
namespace {

TlsSettings with_priority(const std::string& priority) {
  TlsSettings settings = client_settings();
  settings.priority = priority;
  return settings;
}

Error failed_with_peer(const char* priority, const TlsSettings& settings) {
  return failed_start(
      [priority](const Descriptor& socket) {
        TlsPeer peer(socket, server_identity(), priority);
        const int code = peer.handshake();
        EXPECT_LT(code, 0);
        gnutls_alert_send_appropriate(peer.session(), code);
        (void)receive_until_end(socket);
      },
      soon(), settings);
}

// A server that hears the ClientHello and says BYTES.
Error failed_with(const std::string& bytes) {
  return failed_start([&bytes](const Descriptor& socket) {
    send_all(socket, bytes);
    (void)receive_until_end(socket);
  });
}

void expect_words(const Error& error, const std::string& words) {
  const bool about_version = words.find("version in common") != std::string::npos;
  EXPECT_EQ(error.cause, about_version ? Cause::tls_version : Cause::tls_failed);
  EXPECT_EQ(error.phase, Phase::tls);
  EXPECT_NE(error.message.find(words), std::string::npos) << error.message;
}

std::string alert(char description) {
  return std::string("\x15\x03\x03\x00\x02\x02", 6) + description;
}

// Of a server that takes no heed of what versions it was offered.
std::string server_hello(char minor, char cipher = '\x2f') {
  const std::string body =
      std::string("\x03") + minor + sample(32) + std::string(2, '\0') + cipher + '\0';
  const std::string handshake = std::string("\x02\0\0", 3) + static_cast<char>(body.size()) + body;
  return std::string("\x16\x03") + minor + '\0' + static_cast<char>(handshake.size()) + handshake;
}

// ---- versions

constexpr const char* tls11 = "NORMAL:-VERS-ALL:+VERS-TLS1.1:%COMPAT";

TEST(NetVersions, OldOnesAreRefusedInWords) {
  expect_words(failed_with_peer(tls11, client_settings()), "no TLS version in common");
  expect_words(failed_with(server_hello('\x01')), "no TLS version in common");
  expect_words(failed_with(server_hello('\x02')), "no TLS version in common");
  expect_words(failed_with(alert(70)), "no TLS version in common");
}

TEST(NetVersions, APriorityWithoutThemBringsThemNotBack) {
  for (const char* const priority : {"NORMAL", "NORMAL:+VERS-TLS-ALL", "LEGACY:%COMPAT:"})
    expect_words(failed_with_peer(tls11, with_priority(priority)), "no TLS version in common");
}

TEST(NetVersions, APriorityThatNamesThemIsHonoured) {
  const TlsPair pair(socket_pair(), tls11,
                     with_priority("NORMAL:-VERS-ALL:+VERS-TLS1.1:+SIGN-ECDSA-SHA1"));
  ASSERT_TRUE(pair.status) << pair.status.error().message;
  EXPECT_EQ(pair.line.tls_info()->protocol, "TLS1.1");
  EXPECT_FALSE(pair.line.channel_binding());
}

TEST(NetVersions, OnlyWhatIsNamedComesBack) {
  expect_words(failed_with_peer("NORMAL:-VERS-ALL:+VERS-TLS1.0:%COMPAT",
                                with_priority("NORMAL:+VERS-TLS1.1")),
               "no TLS version in common");
}

TEST(NetVersions, HonoursThePriority) {
  const TlsPair pair(socket_pair(), "NORMAL", with_priority("NORMAL:-VERS-TLS1.3"));
  ASSERT_TRUE(pair.status);
  EXPECT_EQ(pair.line.tls_info()->version, "TLS 1.2");
}

TEST(NetVersions, PrioritiesThatCannotBeUsed) {
  const auto nobody = [](const Descriptor& socket) { (void)receive_until_end(socket); };
  Error error = failed_start(nobody, soon(), with_priority("NORMAL:+RUBBISH:-VERS-TLS1.3"));
  EXPECT_EQ(error.cause, Cause::bad_argument);
  EXPECT_NE(error.message.find("\"+RUBBISH:-VERS-TLS1.3\""), std::string::npos) << error.message;
  error = failed_start(nobody, soon(), with_priority("NORMAL:-VERS-ALL"));
  EXPECT_EQ(error.cause, Cause::bad_argument);
  EXPECT_NE(error.message.find("leaves no version"), std::string::npos) << error.message;
}

// ---- algorithms

TEST(NetHandshakeWords, NothingInCommon) {
  const Error error =
      failed_with_peer("NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+CHACHA20-POLY1305",
                       with_priority("NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-256-GCM"));
  expect_words(error, "broke off TLS");
  expect_words(error, "no cipher or signature algorithm in common");
}

TEST(NetHandshakeWords, ACipherThatWasNotOffered) {
  const char rc4_md5 = 4;
  expect_words(failed_with(server_hello('\x03', rc4_md5)), "in common");
}

TEST(NetHandshakeWords, Alerts) {
  expect_words(failed_with(alert(40)), "no cipher or signature algorithm in common");
  expect_words(failed_with(alert(71)), "stronger ciphers");
  expect_words(failed_with(alert(80)), "broke off TLS: Internal error");
}

TEST(NetHandshakeWords, NotTlsAtAll) {
  expect_words(failed_with(std::string("\x16\x03\x03\xff\xff\x02\x02\x02", 8)), "no TLS");
  expect_words(failed_with(std::string("\x17\x03\x03\x00\x02xy", 7)), "no TLS");
}

TEST(NetHandshakeWords, EndInTheMiddle) {
  const Error error = failed_start([](const Descriptor& socket) {
    send_all(socket, std::string("\x16\x03\x03\x00\x40\x02", 6));
    std::string hello(4096, '\0');
    (void)receive_some(socket.get(), hello);
  });
  EXPECT_EQ(error.cause, Cause::connection_lost);
  EXPECT_NE(error.message.find("during the TLS handshake"), std::string::npos) << error.message;
}

}  // namespace
}  // namespace sendonce::net::test
