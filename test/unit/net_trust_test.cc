// Whom a line goes on with: pins, accepted keys, inspection, and what is told of the server.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "net/line.hh"
#include "net_support.hh"

namespace sendonce::net::test {
namespace {

class NetTrust : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(All, NetTrust, testing::Values(tls12, tls13));

const std::string other_pin = "sha256:" + std::string(64, 'a');

std::string pin_of(const Identity& identity) {
  const TlsPair pair(socket_pair(), tls13, client_settings(), identity);
  const TlsInfo* const info = pair.line.tls_info();
  return info == nullptr ? "" : info->certificate.key_pin;
}

const Identity& self_signed() {
  static const Identity made({}, nullptr, false);
  return made;
}

bool has(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

void expect_certificate_error(const TlsPair& pair, const std::string& words) {
  ASSERT_FALSE(pair.status);
  EXPECT_EQ(pair.status.error().cause, Cause::certificate);
  EXPECT_EQ(pair.status.error().phase, Phase::tls);
  EXPECT_NE(pair.status.error().message.find(words), std::string::npos)
      << pair.status.error().message;
}

// ---- pins

TEST_P(NetTrust, PinAloneProvesTheServer) {
  TlsSettings settings = client_settings();
  settings.host = "quite.another.example";
  settings.pins = {other_pin, pin_of(self_signed())};
  const TlsPair pair(socket_pair(), GetParam(), settings, self_signed());
  ASSERT_TRUE(pair.status) << pair.status.error().message;
  EXPECT_TRUE(pair.line.tls_info()->faults.empty());
  EXPECT_TRUE(pair.line.tls_info()->warnings.empty());
}

TEST_P(NetTrust, PinMayBeWrittenInCapitals) {
  TlsSettings settings = client_settings();
  settings.pins = {pin_of(server_identity())};
  for (char& c : settings.pins[0]) c = static_cast<char>(std::toupper(c));
  EXPECT_TRUE(TlsPair(socket_pair(), GetParam(), settings).status);
}

TEST_P(NetTrust, AnotherKeyThanThePinnedIsRefused) {
  TlsSettings settings = client_settings();
  settings.pins = {other_pin};
  settings.accepted_key = pin_of(server_identity());
  const TlsPair pair(socket_pair(), GetParam(), settings);
  expect_certificate_error(
      pair, "its key is not the one pinned (it is " + pin_of(server_identity()) + ")");
  EXPECT_EQ(pair.line.tls_info()->faults.size(), 1U);
}

TEST(NetTrustPins, BadPinsAreNamed) {
  for (const std::string& pin : {std::string("sha256:12"), std::string("nonsense"),
                                 "sha256:" + std::string(64, 'g'), std::string()}) {
    TlsSettings settings = client_settings();
    settings.pins = {pin};
    const TlsPair pair(socket_pair(), tls13, settings);
    ASSERT_FALSE(pair.status);
    EXPECT_EQ(pair.status.error().cause, Cause::bad_argument);
  }
}

// ---- accepted keys

TEST_P(NetTrust, AcceptedKeyPassesWithItsFaultsTold) {
  TlsSettings settings = client_settings();
  settings.accepted_key = pin_of(self_signed());
  const TlsPair pair(socket_pair(), GetParam(), settings, self_signed());
  ASSERT_TRUE(pair.status) << pair.status.error().message;
  ASSERT_EQ(pair.line.tls_info()->faults.size(), 1U);
  EXPECT_NE(pair.line.tls_info()->faults[0].find("self-signed"), std::string::npos);
  EXPECT_TRUE(has(pair.line.tls_info()->warnings, "self-signed"));
}

TEST_P(NetTrust, AnotherAcceptedKeyDoesNotHelp) {
  TlsSettings settings = client_settings();
  settings.accepted_key = pin_of(server_identity());
  expect_certificate_error(TlsPair(socket_pair(), GetParam(), settings, self_signed()),
                           "self-signed");
}

// ---- a ticket taken under one rule does not pass another

void take_ticket(const char* priority, const TlsSettings& settings, const Identity& identity) {
  TlsPair pair(socket_pair(), priority, settings, identity);
  ASSERT_TRUE(pair.status) << pair.status.error().message;
  pair.peer.write("220 hello\r\n");
  std::array<char, 64> bytes{};
  ASSERT_TRUE(pair.line.read(bytes, soon()));
}

struct Rule {
  std::vector<std::string> pins;
  std::string accepted_key;
};

TlsSettings with(const Rule& rule, const std::shared_ptr<TicketStore>& tickets) {
  TlsSettings settings = client_settings();
  settings.tickets = tickets;
  settings.pins = rule.pins;
  settings.accepted_key = rule.accepted_key;
  return settings;
}

TEST_P(NetTrust, ATicketServesOnlyTheRuleItWasTakenUnder) {
  const std::string key = pin_of(self_signed());
  for (const Rule& lenient : {Rule{{key}, ""}, Rule{{}, key}}) {
    for (const Rule& strict : {Rule{}, Rule{{other_pin}, key}, Rule{{}, other_pin}}) {
      const auto tickets = std::make_shared<TicketStore>();
      take_ticket(GetParam(), with(lenient, tickets), self_signed());
      const TlsPair pair(socket_pair(), GetParam(), with(strict, tickets), self_signed());
      ASSERT_FALSE(pair.status);
      EXPECT_EQ(pair.status.error().cause, Cause::certificate);
      ASSERT_NE(pair.line.tls_info(), nullptr);
      EXPECT_FALSE(pair.line.tls_info()->resumed);
    }
    const auto tickets = std::make_shared<TicketStore>();
    take_ticket(GetParam(), with(lenient, tickets), self_signed());
    const TlsPair pair(socket_pair(), GetParam(), with(lenient, tickets), self_signed());
    EXPECT_TRUE(pair.status);
    EXPECT_TRUE(pair.line.tls_info()->resumed);
  }
}

// The same rule, and what was accepted is told again.
TEST_P(NetTrust, ResumedSessionTellsItsFaults) {
  const auto tickets = std::make_shared<TicketStore>();
  const TlsSettings settings = with(Rule{{}, pin_of(self_signed())}, tickets);
  take_ticket(GetParam(), settings, self_signed());
  const TlsPair pair(socket_pair(), GetParam(), settings, self_signed());
  ASSERT_TRUE(pair.status);
  EXPECT_TRUE(pair.line.tls_info()->resumed);
  EXPECT_EQ(pair.line.tls_info()->faults.size(), 1U);
}

// Even if a ticket came into wrong hands: the certificate is verified at each resumption.
TEST_P(NetTrust, AForeignTicketIsJudgedAnew) {
  const auto tickets = std::make_shared<TicketStore>();
  const std::string key = pin_of(self_signed());
  const TlsSettings lenient = with(Rule{{}, key}, tickets);
  take_ticket(GetParam(), lenient, self_signed());
  tickets->put(lenient.server, tickets->take(lenient.server + " accepted " + key));
  const TlsPair pair(socket_pair(), GetParam(), with(Rule{}, tickets), self_signed());
  expect_certificate_error(pair, "self-signed");
  EXPECT_TRUE(pair.line.tls_info()->resumed);
}

// ---- inspection

TEST_P(NetTrust, InspectionStopsEvenWithoutFaults) {
  TlsSettings settings = client_settings();
  settings.stop_before_trust = true;
  const TlsPair pair(socket_pair(), GetParam(), settings);
  expect_certificate_error(pair, "still to be judged");
  ASSERT_NE(pair.line.tls_info(), nullptr);
  EXPECT_TRUE(pair.line.tls_info()->faults.empty());
  EXPECT_EQ(pair.line.tls_info()->chain.size(), 1U);
}

TEST_P(NetTrust, InspectionEndsWithTheAcceptedKey) {
  TlsSettings settings = client_settings();
  settings.stop_before_trust = true;
  settings.accepted_key = pin_of(server_identity());
  EXPECT_TRUE(TlsPair(socket_pair(), GetParam(), settings).status);
  settings.accepted_key = other_pin;
  EXPECT_FALSE(TlsPair(socket_pair(), GetParam(), settings).status);
}

// ---- what is told

bool is_colon_hex(const std::string& text, const std::string& prefix, std::size_t bytes) {
  if (!text.starts_with(prefix) || text.size() != prefix.size() + bytes * 3 - 1) return false;
  return text.find_first_not_of("0123456789abcdef:", prefix.size()) == std::string::npos &&
         text[prefix.size() + 2] == ':';
}

TEST_P(NetTrust, CertificateInEmacsWords) {
  const TlsPair pair(socket_pair(), GetParam());
  ASSERT_TRUE(pair.status);
  const CertificateInfo& info = pair.line.tls_info()->certificate;
  EXPECT_EQ(info.version, "3");
  EXPECT_FALSE(info.serial.empty());
  EXPECT_EQ(info.public_key_algorithm, "EC/ECDSA");
  EXPECT_EQ(info.security_level, "High");
  EXPECT_EQ(info.signature_algorithm, "ECDSA-SHA256");
  EXPECT_TRUE(is_colon_hex(info.key_id_sha1, "sha1:", 20)) << info.key_id_sha1;
  EXPECT_TRUE(is_colon_hex(info.key_id_sha256, "sha256:", 32)) << info.key_id_sha256;
  EXPECT_TRUE(is_colon_hex(info.certificate_id_sha1, "sha1:", 20));
  EXPECT_TRUE(is_colon_hex(info.certificate_id_sha256, "sha256:", 32));
  EXPECT_EQ(info.pem, server_identity().pem());
}

TEST_P(NetTrust, KeyPinIsTheDigestOfTheKeyInfo) {
  const CertificateInfo info = [] {
    const TlsPair pair(socket_pair(), tls13);
    return pair.line.tls_info()->certificate;
  }();
  std::string plain = info.key_id_sha256;
  plain.erase(std::remove(plain.begin() + 7, plain.end(), ':'), plain.end());
  EXPECT_EQ(info.key_pin, plain);
  EXPECT_EQ(info.key_pin.size(), 71U);
}

TEST_P(NetTrust, SessionInEmacsWords) {
  const TlsPair pair(socket_pair(), GetParam());
  ASSERT_TRUE(pair.status);
  const TlsInfo& info = *pair.line.tls_info();
  const bool is_12 = GetParam() == std::string(tls12);
  EXPECT_EQ(info.protocol, is_12 ? "TLS1.2" : "TLS1.3");
  EXPECT_TRUE(info.key_exchange.starts_with("ECDHE")) << info.key_exchange;
  EXPECT_EQ(info.cipher_name, "AES-256-GCM");
  EXPECT_EQ(info.mac, "AEAD");
  EXPECT_EQ(info.hash, "SHA384");
  EXPECT_TRUE(info.extended_master_secret);
  EXPECT_EQ(info.prime_bits, 0);
  EXPECT_EQ(info.chain.size(), 1U);
  EXPECT_TRUE(info.faults.empty());
  EXPECT_TRUE(info.warnings.empty());
}

TEST_P(NetTrust, WarningsInEmacsWords) {
  CertificateWish wish;
  wish.names = {"a.example.org"};
  wish.not_before = 1'600'000'000;
  wish.not_after = 1'700'000'000;
  const auto old = signed_identity(wish);
  const TlsPair pair(socket_pair(), GetParam(), client_settings(), *old);
  ASSERT_FALSE(pair.status);
  const std::vector<std::string> expected{"no-host-match", "expired", "invalid"};
  EXPECT_EQ(pair.line.tls_info()->warnings, expected);
}

TEST_P(NetTrust, WarningsOfAnUnknownAuthority) {
  const TlsPair pair(socket_pair(), GetParam(), client_settings(), self_signed());
  ASSERT_FALSE(pair.status);
  const std::vector<std::string> expected{"self-signed", "unknown-ca", "invalid"};
  EXPECT_EQ(pair.line.tls_info()->warnings, expected);
}

// ---- channel binding

std::string server_binding(TlsPeer& peer, gnutls_channel_binding_t type) {
  gnutls_datum_t data{};
  if (gnutls_session_channel_binding(peer.session(), type, &data) < 0) return "none";
  std::string bytes(reinterpret_cast<const char*>(data.data), data.size);
  gnutls_free(data.data);
  return bytes;
}

TEST(NetBinding, ExporterUnderTls13) {
  TlsPair pair(socket_pair(), tls13);
  const auto binding = pair.line.channel_binding();
  ASSERT_TRUE(binding);
  EXPECT_EQ(binding->type, "tls-exporter");
  EXPECT_EQ(binding->data.size(), 32U);
  EXPECT_TRUE(binding->data.reveal() == server_binding(pair.peer, GNUTLS_CB_TLS_EXPORTER));
}

TEST(NetBinding, UniqueUnderTls12AndWhenResumed) {
  TlsSettings settings = client_settings();
  settings.tickets = std::make_shared<TicketStore>();
  for (const bool resumed : {false, true}) {
    TlsPair pair(socket_pair(), tls12, settings);
    ASSERT_TRUE(pair.status);
    EXPECT_EQ(pair.line.tls_info()->resumed, resumed);
    const auto binding = pair.line.channel_binding();
    ASSERT_TRUE(binding);
    EXPECT_EQ(binding->type, "tls-unique");
    EXPECT_TRUE(binding->data.reveal() == server_binding(pair.peer, GNUTLS_CB_TLS_UNIQUE));
  }
}

TEST(NetBinding, NoneWithoutExtendedMasterSecret) {
  const TlsPair pair(socket_pair(), "NORMAL:-VERS-ALL:+VERS-TLS1.2:%NO_SESSION_HASH");
  ASSERT_TRUE(pair.status) << pair.status.error().message;
  EXPECT_FALSE(pair.line.tls_info()->extended_master_secret);
  EXPECT_FALSE(pair.line.channel_binding());
}

TEST(NetBinding, NoneInTheClearAndNoneAfterRefusal) {
  Pair sockets = socket_pair();
  const Line clear(std::move(sockets.ours), make_wake());
  EXPECT_FALSE(clear.channel_binding());
  const TlsPair refused(socket_pair(), tls13, client_settings(), self_signed());
  EXPECT_FALSE(refused.line.channel_binding());
}

}  // namespace
}  // namespace sendonce::net::test
