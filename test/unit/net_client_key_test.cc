// A line that has a client certificate: key files, passphrases, and a PKCS#11 token (SoftHSM) if
// there is one to be had.

#include <gnutls/pkcs11.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "environment.hh"
#include "net/line.hh"
#include "net/tls_key_secrets.hh"
#include "net_support.hh"
#include "temporary.hh"

namespace sendonce::net::test {
namespace {

namespace fs = std::filesystem;

const Identity& client_identity() {
  static const auto made = signed_identity({{}, {}, "a client"});
  return *made;
}

std::string key_pem(const Identity& identity, const char* passphrase = nullptr) {
  gnutls_datum_t out{};
  const unsigned how = passphrase == nullptr ? GNUTLS_PKCS_PLAIN : GNUTLS_PKCS_PBES2_AES_256;
  EXPECT_EQ(
      gnutls_x509_privkey_export2_pkcs8(identity.key(), GNUTLS_X509_FMT_PEM, passphrase, how, &out),
      0);
  std::string pem(reinterpret_cast<const char*>(out.data), out.size);
  gnutls_free(out.data);
  return pem;
}

// The subject of what the client showed; "" if nothing.
std::string shown_to(const TlsPeer& peer) {
  unsigned count = 0;
  const gnutls_datum_t* const raw = gnutls_certificate_get_peers(peer.session(), &count);
  if (raw == nullptr || count == 0) return "";
  gnutls_x509_crt_t certificate = nullptr;
  gnutls_x509_crt_init(&certificate);
  gnutls_x509_crt_import(certificate, raw, GNUTLS_X509_FMT_DER);
  std::array<char, 256> name{};
  std::size_t size = name.size();
  gnutls_x509_crt_get_dn(certificate, name.data(), &size);
  gnutls_x509_crt_deinit(certificate);
  return name.data();
}

struct Outcome {
  Status status;
  std::string shown;
  std::string after;  // what came of a first command
  TlsInfo info;
};

// A server that wants a certificate, or just asks.
Outcome meet(const TlsSettings& settings, const char* priority,
             gnutls_certificate_request_t request = GNUTLS_CERT_REQUIRE,
             const Identity& server = server_identity()) {
  Pair sockets = socket_pair();
  TlsPeer peer(sockets.theirs, server, priority);
  gnutls_certificate_server_set_request(peer.session(), request);
  Line line(std::move(sockets.ours), make_wake());
  Outcome outcome;
  Running serving([&peer] {
    const int code = peer.handshake();
    if (code < 0) gnutls_alert_send_appropriate(peer.session(), code);
    if (code == 0) peer.write("220 hello\r\n");
  });
  outcome.status = line.start_tls(settings, soon());
  std::array<char, 64> bytes{};
  if (outcome.status) {
    const auto got = line.read(bytes, soon());
    outcome.after = got ? std::string(bytes.data(), got->count) : got.error().message;
  }
  if (line.tls_info() != nullptr) outcome.info = *line.tls_info();
  line.close();
  serving.join();
  outcome.shown = shown_to(peer);
  return outcome;
}

// Answers with the passphrases in turn, then declines; remembers what it was asked.
struct Asked {
  std::vector<std::string> answers;
  std::vector<KeySecretRequest> requests;

  std::function<std::optional<Secret>(const KeySecretRequest&)> function() {
    return [this](const KeySecretRequest& request) -> std::optional<Secret> {
      requests.push_back(request);
      if (requests.size() > answers.size()) return std::nullopt;
      return Secret(answers[requests.size() - 1]);
    };
  }
};

class NetClientKey : public testing::TestWithParam<const char*> {
 protected:
  TlsSettings settings_ = client_settings();
};
INSTANTIATE_TEST_SUITE_P(All, NetClientKey, testing::Values(tls12, tls13));

TEST_P(NetClientKey, OneFileForBoth) {
  const TemporaryFile file(key_pem(client_identity()) + client_identity().pem());
  settings_.client_key = file.path();
  const Outcome outcome = meet(settings_, GetParam());
  ASSERT_TRUE(outcome.status) << outcome.status.error().message;
  EXPECT_EQ(outcome.shown, "CN=a client");
  EXPECT_EQ(outcome.after, "220 hello\r\n");
}

TEST_P(NetClientKey, TwoFiles) {
  const TemporaryFile key(key_pem(client_identity()));
  const TemporaryFile certificate(client_identity().pem());
  settings_.client_key = key.path();
  settings_.client_cert = certificate.path();
  EXPECT_EQ(meet(settings_, GetParam()).shown, "CN=a client");
}

TEST_P(NetClientKey, NotShownUnlessAsked) {
  const TemporaryFile file(key_pem(client_identity()) + client_identity().pem());
  settings_.client_key = file.path();
  const Outcome outcome = meet(settings_, GetParam(), GNUTLS_CERT_IGNORE);
  EXPECT_TRUE(outcome.status);
  EXPECT_EQ(outcome.shown, "");
}

TEST_P(NetClientKey, NotShownToAServerThatIsNotAccepted) {
  const Identity stranger({}, nullptr, false);
  const TemporaryFile file(key_pem(client_identity()) + client_identity().pem());
  settings_.client_key = file.path();
  const Outcome outcome = meet(settings_, GetParam(), GNUTLS_CERT_REQUIRE, stranger);
  ASSERT_FALSE(outcome.status);
  EXPECT_EQ(outcome.status.error().cause, Cause::certificate);
  EXPECT_EQ(outcome.shown, "");
  EXPECT_EQ(outcome.info.chain.size(), 1U);
  const bool is_12 = GetParam() == std::string(tls12);
  EXPECT_EQ(outcome.info.protocol, is_12 ? "TLS1.2" : "TLS1.3");
  EXPECT_EQ(outcome.info.cipher_name, is_12 ? "" : "AES-256-GCM");
  EXPECT_EQ(outcome.info.mac, is_12 ? "" : "AEAD");
  EXPECT_TRUE(outcome.info.key_exchange.starts_with("ECDHE")) << outcome.info.key_exchange;
}

TEST_P(NetClientKey, NoneIsNeededWhereItIsOnlyAskedFor) {
  const Outcome outcome = meet(settings_, GetParam(), GNUTLS_CERT_REQUEST);
  ASSERT_TRUE(outcome.status) << outcome.status.error().message;
  EXPECT_EQ(outcome.after, "220 hello\r\n");
}

TEST_P(NetClientKey, ADemandThatIsNotMetIsNamed) {
  const Outcome outcome = meet(settings_, GetParam());
  const std::string text = outcome.status ? outcome.after : outcome.status.error().message;
  EXPECT_NE(text.find("client certificate"), std::string::npos) << text;
}

TEST_P(NetClientKey, LeavesNoTicket) {
  const TemporaryFile file(key_pem(client_identity()) + client_identity().pem());
  settings_.client_key = file.path();
  settings_.tickets = std::make_shared<TicketStore>();
  ASSERT_TRUE(meet(settings_, GetParam()).status);
  EXPECT_TRUE(settings_.tickets->take(settings_.server).empty());
}

// ---- passphrases

class NetPassphrase : public testing::Test {
 protected:
  NetPassphrase()
      : key_(key_pem(client_identity(), "open sesame")), certificate_(client_identity().pem()) {
    settings_.client_key = key_.path();
    settings_.client_cert = certificate_.path();
  }

  Outcome meet_asked(const std::vector<std::string>& answers) {
    asked_.answers = answers;
    settings_.ask_key_secret = asked_.function();
    return meet(settings_, tls13);
  }

  TemporaryFile key_;
  TemporaryFile certificate_;
  TlsSettings settings_ = client_settings();
  Asked asked_;
};

TEST_F(NetPassphrase, IsAskedFor) {
  const Outcome outcome = meet_asked({"open sesame"});
  ASSERT_TRUE(outcome.status) << outcome.status.error().message;
  EXPECT_EQ(outcome.shown, "CN=a client");
  ASSERT_EQ(asked_.requests.size(), 1U);
  EXPECT_EQ(asked_.requests[0].what, key_.path());
  EXPECT_FALSE(asked_.requests[0].refused);
}

TEST_F(NetPassphrase, AWrongOneIsAskedForOnceMore) {
  ASSERT_TRUE(meet_asked({"open barley", "open sesame"}).status);
  ASSERT_EQ(asked_.requests.size(), 2U);
  EXPECT_TRUE(asked_.requests[1].refused);
}

TEST_F(NetPassphrase, TwoWrongOnesAreEnough) {
  const Outcome outcome = meet_asked({"open barley", "open wheat", "open sesame"});
  ASSERT_FALSE(outcome.status);
  EXPECT_EQ(asked_.requests.size(), 2U);
  EXPECT_EQ(outcome.status.error().cause, Cause::bad_argument);
  EXPECT_EQ(outcome.status.error().phase, Phase::tls);
  EXPECT_NE(outcome.status.error().message.find("client-key"), std::string::npos);
  EXPECT_NE(outcome.status.error().message.find(key_.path()), std::string::npos);
  EXPECT_EQ(outcome.status.error().message.find("barley"), std::string::npos);
}

// As OpenSSL wrote keys before PKCS#8: "Proc-Type: 4,ENCRYPTED".
TEST_F(NetPassphrase, OfAKeyInTheOldFormat) {
  const TemporaryFile plain(key_pem(client_identity()));
  const TemporaryFile old("");
  if (!runs({"openssl", "pkey", "-in", plain.path(), "-traditional", "-aes128", "-passout",
             "pass:open sesame", "-out", old.path()}))
    GTEST_SKIP() << "openssl cannot write such a key here";
  settings_.client_key = old.path();
  const Outcome outcome = meet_asked({"open barley", "open sesame"});
  ASSERT_TRUE(outcome.status) << outcome.status.error().message;
  EXPECT_EQ(outcome.shown, "CN=a client");
}

TEST_F(NetPassphrase, CanBeDeclined) {
  const Outcome outcome = meet_asked({});
  ASSERT_FALSE(outcome.status);
  EXPECT_EQ(outcome.status.error().cause, Cause::declined);
  EXPECT_EQ(asked_.requests.size(), 1U);
}

TEST_F(NetPassphrase, NobodyToAskIsDeclined) {
  const Outcome outcome = meet(settings_, tls13);
  ASSERT_FALSE(outcome.status);
  EXPECT_EQ(outcome.status.error().cause, Cause::declined);
}

// ---- a token, and what cannot be used

const std::string token_name = "sendonce test token";
const std::string token_url = "pkcs11:token=sendonce%20test%20token;object=client";

// Made once a process: PKCS#11 modules read their configuration once.
class Token {
 public:
  Token() : directory_(sendonce::test::new_directory(testing::TempDir(), "sendonce-token")) {
    if (!runs({"softhsm2-util", "--version"}) || !runs({"p11tool", "--version"}))
      missing_ = "softhsm2-util or p11tool is not installed";
    else if (!fill())
      missing_ = "no token could be made, or p11-kit does not know SoftHSM";
  }
  ~Token() {
    std::error_code error;
    fs::remove_all(directory_, error);
  }
  Token(const Token&) = delete;
  Token& operator=(const Token&) = delete;

  /// Why there is none; "": there is.
  [[nodiscard]] const std::string& missing() const { return missing_; }

 private:
  bool fill() {
    const std::string conf = directory_ + "/softhsm2.conf";
    fs::create_directory(directory_ + "/tokens");
    std::ofstream(conf) << "directories.tokendir = " << directory_ << "/tokens\n"
                        << "log.level = ERROR\n";
    sendonce::test::set_variable("SOFTHSM2_CONF", conf);
    const TemporaryFile key(key_pem(client_identity()));
    const TemporaryFile certificate(client_identity().pem());
    return runs({"softhsm2-util", "--init-token", "--free", "--label", token_name, "--pin", "1234",
                 "--so-pin", "567890"}) &&
           runs({"softhsm2-util", "--import", key.path(), "--token", token_name, "--label",
                 "client", "--id", "01", "--pin", "1234"}) &&
           runs({"p11tool", "--batch", "--login", "--set-pin=1234", "--write",
                 "--load-certificate=" + certificate.path(), "--label", "client", "--id", "01",
                 "pkcs11:token=sendonce%20test%20token"});
  }

  std::string directory_;
  std::string missing_;
};

const Token& token() {
  static const Token made;
  return made;
}

void expect_bad_field(const TlsSettings& settings, const std::string& field,
                      const std::string& words) {
  const Outcome outcome = meet(settings, tls13);
  ASSERT_FALSE(outcome.status);
  EXPECT_EQ(outcome.status.error().cause, Cause::bad_argument);
  EXPECT_EQ(outcome.status.error().phase, Phase::tls);
  EXPECT_TRUE(outcome.status.error().message.starts_with(field)) << outcome.status.error().message;
  EXPECT_NE(outcome.status.error().message.find(words), std::string::npos)
      << outcome.status.error().message;
}

TEST(NetClientKeyFault, MissingFiles) {
  const TemporaryFile certificate(client_identity().pem());
  const TemporaryFile key(key_pem(client_identity()));
  TlsSettings settings = client_settings();
  settings.client_key = "no-such.pem";
  settings.client_cert = certificate.path();
  expect_bad_field(settings, "client-key \"no-such.pem\"", "No such file");
  settings.client_key = key.path();
  settings.client_cert = "no-such.pem";
  expect_bad_field(settings, "client-cert \"no-such.pem\"", "cannot be used");
}

TEST(NetClientKeyFault, FilesThatHoldSomethingElse) {
  const TemporaryFile certificate(client_identity().pem());
  const TemporaryFile rubbish("rubbish");
  TlsSettings settings = client_settings();
  settings.client_key = rubbish.path();
  settings.client_cert = certificate.path();
  expect_bad_field(settings, "client-key", "PEM");
  settings.client_key = certificate.path();
  expect_bad_field(settings, "client-key", "PEM");
  const TemporaryFile key(key_pem(client_identity()));
  settings.client_key = key.path();
  settings.client_cert.clear();
  expect_bad_field(settings, "client-key", "cannot be used");
}

TEST(NetClientKeyFault, KeyOfAnother) {
  const TemporaryFile certificate(client_identity().pem());
  const TemporaryFile key(key_pem(server_identity()));
  TlsSettings settings = client_settings();
  settings.client_key = key.path();
  settings.client_cert = certificate.path();
  expect_bad_field(settings, "client-cert", "not of this key");
}

TEST(NetClientKeyFault, CertificateWithoutKey) {
  TlsSettings settings = client_settings();
  settings.client_cert = "cert.pem";
  expect_bad_field(settings, "client-cert", "without a client-key");
}

TEST(NetClientKeyFault, NoSuchTokenAndNoPinInTheText) {
  (void)token();
  TlsSettings settings = client_settings();
  settings.client_key = "pkcs11:token=no-such-token;object=x?pin-value=123456";
  const Outcome outcome = meet(settings, tls13);
  ASSERT_FALSE(outcome.status);
  EXPECT_EQ(outcome.status.error().cause, Cause::bad_argument);
  EXPECT_TRUE(outcome.status.error().message.starts_with("client-key \"pkcs11:token=no-such"))
      << outcome.status.error().message;
  EXPECT_EQ(outcome.status.error().message.find("123456"), std::string::npos);
}

// ---- how a token asks

int ask_as_token(KeySecrets& secrets, int attempt, unsigned flags, std::array<char, 8>& pin) {
  return KeySecrets::for_token(&secrets, attempt, "pkcs11:", "my token", flags, pin.data(),
                               pin.size());
}

TEST(NetTokenPin, NeverRisksTheLastTry) {
  Asked asked{{"1234", "1234"}, {}};
  TlsSettings settings;
  settings.ask_key_secret = asked.function();
  KeySecrets secrets(settings);
  std::array<char, 8> pin{};
  EXPECT_NE(ask_as_token(secrets, 0, GNUTLS_PIN_USER | GNUTLS_PIN_FINAL_TRY, pin), 0);
  EXPECT_TRUE(secrets.nearly_locked());
  EXPECT_TRUE(asked.requests.empty());
}

TEST(NetTokenPin, AtMostTwoInAll) {
  Asked asked{{"1", "2", "3", "4"}, {}};
  TlsSettings settings;
  settings.ask_key_secret = asked.function();
  KeySecrets secrets(settings);
  std::array<char, 8> pin{};
  EXPECT_EQ(ask_as_token(secrets, 0, GNUTLS_PIN_USER, pin), 0);
  EXPECT_EQ(std::string(pin.data()), "1");
  EXPECT_EQ(ask_as_token(secrets, 1, GNUTLS_PIN_WRONG | GNUTLS_PIN_COUNT_LOW, pin), 0);
  EXPECT_NE(ask_as_token(secrets, 2, GNUTLS_PIN_WRONG | GNUTLS_PIN_COUNT_LOW, pin), 0);
  EXPECT_NE(ask_as_token(secrets, 0, GNUTLS_PIN_USER, pin), 0);
  EXPECT_EQ(asked.requests.size(), 2U);
  EXPECT_TRUE(secrets.refused());
  secrets.accept();  // for a token that asks at each signature
  EXPECT_EQ(ask_as_token(secrets, 0, GNUTLS_PIN_USER, pin), 0);
}

TEST(NetTokenPin, TooLongIsNoPin) {
  Asked asked{{"12345678"}, {}};
  TlsSettings settings;
  settings.ask_key_secret = asked.function();
  KeySecrets secrets(settings);
  std::array<char, 8> pin{};
  EXPECT_NE(ask_as_token(secrets, 0, GNUTLS_PIN_USER, pin), 0);
}

// ---- a real token

class NetToken : public testing::Test {
 protected:
  void SetUp() override {
    if (!token().missing().empty()) GTEST_SKIP() << token().missing();
    settings_.client_key = token_url;
  }

  Outcome meet_asked(const std::vector<std::string>& answers) {
    asked_.answers = answers;
    settings_.ask_key_secret = asked_.function();
    return meet(settings_, tls13);
  }

  TlsSettings settings_ = client_settings();
  Asked asked_;
};

TEST_F(NetToken, TwoWrongPinsAreEnough) {
  const Outcome outcome = meet_asked({"0000", "1111", "1234"});
  ASSERT_FALSE(outcome.status);
  EXPECT_EQ(asked_.requests.size(), 2U);
  EXPECT_EQ(outcome.status.error().cause, Cause::bad_argument);
  EXPECT_NE(outcome.status.error().message.find("refused"), std::string::npos)
      << outcome.status.error().message;
}

TEST_F(NetToken, PinCanBeDeclined) {
  const Outcome outcome = meet_asked({});
  ASSERT_FALSE(outcome.status);
  EXPECT_EQ(outcome.status.error().cause, Cause::declined);
}

TEST_F(NetToken, KeyOnTheTokenSigns) {
  const Outcome outcome = meet_asked({"0000", "1234"});
  ASSERT_TRUE(outcome.status) << outcome.status.error().message;
  EXPECT_EQ(outcome.shown, "CN=a client");
  ASSERT_EQ(asked_.requests.size(), 2U);
  EXPECT_EQ(asked_.requests[0].what, token_name);
  EXPECT_FALSE(asked_.requests[0].refused);
  EXPECT_TRUE(asked_.requests[1].refused);
}

TEST_F(NetToken, UrlsOfKeyAndCertificateInFull) {
  settings_.client_key = token_url + ";type=private";
  EXPECT_EQ(meet_asked({"1234"}).shown, "CN=a client");
  settings_.client_cert = token_url + ";type=cert";
  EXPECT_EQ(meet_asked({"1234", "1234"}).shown, "CN=a client");
}

TEST_F(NetToken, NoSuchObject) {
  settings_.client_key = "pkcs11:token=sendonce%20test%20token;object=nobody";
  const Outcome outcome = meet_asked({"1234"});
  ASSERT_FALSE(outcome.status);
  EXPECT_EQ(outcome.status.error().cause, Cause::bad_argument);
  EXPECT_NE(outcome.status.error().message.find("p11tool"), std::string::npos)
      << outcome.status.error().message;
}

}  // namespace
}  // namespace sendonce::net::test
