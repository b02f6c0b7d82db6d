// The matrix of certificates (test/peer/certificate_cases.cc), each served to a line under TLS 1.2
// and 1.3: the good ones pass, the bad ones are refused in words that name the fault, and the
// server hears nothing of SMTP.

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "net/line.hh"
#include "net_support.hh"
#include "temporary.hh"

namespace sendonce::net::test {
namespace {

namespace fs = std::filesystem;

struct MatrixCase {
  std::string name;
  bool good = false;
  std::string host;
  std::string word;
};

std::vector<MatrixCase> read_index(const fs::path& file) {
  std::vector<MatrixCase> cases;
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    MatrixCase made;
    std::string verdict;
    std::istringstream(line) >> made.name >> verdict >> made.host >> made.word;
    made.good = verdict == "good";
    cases.push_back(made);
  }
  return cases;
}

class NetMatrix : public testing::TestWithParam<const char*> {
 protected:
  static void SetUpTestSuite() {
    directory_ = sendonce::test::new_directory(testing::TempDir(), "sendonce-matrix");
    ASSERT_TRUE(runs({SENDONCE_CERTIFICATES, directory_}));
  }
  static void TearDownTestSuite() { fs::remove_all(directory_); }

  static std::string path(const std::string& file) { return directory_ + "/" + file; }

  static TlsSettings settings_for(const std::string& host) {
    TlsSettings settings;
    settings.host = host;
    settings.server = host + ":465";
    settings.trust_files = {path("ca.pem")};
    return settings;
  }

  static Equip server_of(const std::string& name) {
    return serves(path(name + ".pem"), read_whole(path(name + ".ocsp")));
  }

  static std::string directory_;
};
std::string NetMatrix::directory_;
// The server must be willing to show a certificate that its own side could not use.
INSTANTIATE_TEST_SUITE_P(
    All, NetMatrix,
    testing::Values("NORMAL:-VERS-ALL:+VERS-TLS1.2:%DEBUG_ALLOW_KEY_USAGE_VIOLATIONS",
                    "NORMAL:-VERS-ALL:+VERS-TLS1.3:%DEBUG_ALLOW_KEY_USAGE_VIOLATIONS"));

void expect_refusal(TlsPair& pair, const MatrixCase& one) {
  ASSERT_FALSE(pair.status);
  const Error& error = pair.status.error();
  const bool by_faults = pair.line.tls_info() != nullptr;
  EXPECT_EQ(error.cause, by_faults ? Cause::certificate : Cause::tls_failed) << error.message;
  EXPECT_NE(error.message.find(one.word), std::string::npos) << error.message;
  EXPECT_TRUE(!by_faults || !pair.line.tls_info()->warnings.empty());
  EXPECT_FALSE(pair.line.write("EHLO me\r\n", soon(), false));
  std::string heard;
  (void)pair.peer.read(heard);
  EXPECT_EQ(heard, "");
}

TEST_P(NetMatrix, EveryCase) {
  const auto cases = read_index(path("index"));
  ASSERT_GE(cases.size(), 70U);
  for (const MatrixCase& one : cases) {
    SCOPED_TRACE(one.name);
    TlsPair pair(socket_pair(), server_of(one.name), GetParam(), settings_for(one.host));
    if (!one.good)
      expect_refusal(pair, one);
    else
      EXPECT_TRUE(pair.status) << pair.status.error().message;
  }
}

// What the server stapled is not there when a session is resumed: it was judged when it was.
TEST_P(NetMatrix, MustStapleIsResumed) {
  TlsSettings settings = settings_for("mail.example.org");
  settings.tickets = std::make_shared<TicketStore>();
  for (const bool resumed : {false, true}) {
    TlsPair pair(socket_pair(), server_of("must-staple-kept"), GetParam(), settings);
    ASSERT_TRUE(pair.status) << pair.status.error().message;
    EXPECT_EQ(pair.line.tls_info()->resumed, resumed);
    pair.peer.write("220 hello\r\n");
    std::array<char, 64> bytes{};
    ASSERT_TRUE(pair.line.read(bytes, soon()));
  }
}

TEST_P(NetMatrix, SignatureAlgorithmIsNamed) {
  TlsPair pair(socket_pair(), server_of("sha1"), GetParam(), settings_for("mail.example.org"));
  ASSERT_FALSE(pair.status);
  EXPECT_NE(pair.status.error().message.find("ECDSA-SHA1"), std::string::npos)
      << pair.status.error().message;
}

TEST_P(NetMatrix, TheWholeChainIsTold) {
  TlsPair pair(socket_pair(), server_of("unneeded-extras"), GetParam(),
               settings_for("mail.example.org"));
  ASSERT_TRUE(pair.status);
  ASSERT_EQ(pair.line.tls_info()->chain.size(), 3U);
  EXPECT_EQ(pair.line.tls_info()->chain[1].subject, "CN=an authority nobody trusts");
}

// ---- Diffie-Hellman over a finite field, which needs a certificate for RSA

constexpr const char* dhe = "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+DHE-RSA";

TEST_P(NetMatrix, PrimeBitsAreTold) {
  const TlsPair pair(socket_pair(), server_of("rsa-2048"), dhe, settings_for("mail.example.org"));
  ASSERT_TRUE(pair.status) << pair.status.error().message;
  EXPECT_GE(pair.line.tls_info()->prime_bits, 2048);
  EXPECT_EQ(pair.line.tls_info()->key_exchange, "DHE-RSA");
}

void expect_short_prime(const Equip& server, const TlsSettings& settings) {
  const TlsPair pair(socket_pair(), server, dhe, settings);
  ASSERT_FALSE(pair.status);
  EXPECT_EQ(pair.status.error().cause, Cause::tls_failed);
  EXPECT_NE(pair.status.error().message.find("Diffie-Hellman prime is too short"),
            std::string::npos)
      << pair.status.error().message;
}

TEST_P(NetMatrix, AShortPrimeOfAKnownGroupIsNamed) {
  TlsSettings settings = settings_for("mail.example.org");
  settings.min_prime_bits = 8193;
  expect_short_prime(server_of("rsa-2048"), settings);
}

// Without the groups of RFC 7919 the server takes one of its own, of 2048 bits.
TEST_P(NetMatrix, AShortPrimeOfTheServersOwnIsNamed) {
  TlsSettings settings = settings_for("mail.example.org");
  settings.priority = "NORMAL:-GROUP-DH-ALL";
  settings.min_prime_bits = 4096;
  const Equip server = [](gnutls_certificate_credentials_t credentials) {
    server_of("rsa-2048")(credentials);
    gnutls_certificate_set_known_dh_params(credentials, GNUTLS_SEC_PARAM_MEDIUM);
  };
  expect_short_prime(server, settings);
}

}  // namespace
}  // namespace sendonce::net::test
