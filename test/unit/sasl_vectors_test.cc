// The examples of the RFCs.
//
// SCRAM and DIGEST-MD5 have a nonce of the client's in them.  libgsasl makes its own: the test puts
// itself before gsasl_nonce and gsasl_base64_to, of which it takes the random bytes, and has them
// come out as the text of the example.

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "sasl/exchange.hh"
#include "sasl_support.hh"
#include "stand_in.hh"

namespace {

std::string example_nonce;  // empty: libgsasl's own
constexpr char mark = '\x5a';

bool is_mark(const char* bytes, std::size_t size) {
  return size != 0 && std::string(bytes, size) == std::string(size, mark);
}

}  // namespace

extern "C" {

DECLARE_REAL(gsasl_nonce)
DECLARE_REAL(gsasl_base64_to)

int STAND_IN(gsasl_nonce)(char* data, std::size_t size) {
  if (example_nonce.empty()) return REAL(gsasl_nonce)(data, size);
  std::memset(data, mark, size);
  return GSASL_OK;
}

int STAND_IN(gsasl_base64_to)(const char* in, std::size_t size, char** out, std::size_t* out_size) {
  if (example_nonce.empty() || !is_mark(in, size))
    return REAL(gsasl_base64_to)(in, size, out, out_size);
  *out = ::strdup(example_nonce.c_str());
  if (out_size) *out_size = example_nonce.size();
  return GSASL_OK;
}
}

namespace sendonce::sasl {
namespace {

using test::credentials;
using test::decoded;
using test::encoded;
using test::failure;

class Vectors : public ::testing::Test {
 protected:
  void begin(const std::string& mechanism, Credentials who, const std::string& nonce = "") {
    example_nonce = nonce;
    auto exchange = Exchange::begin(mechanism, who);
    ASSERT_TRUE(exchange.has_value()) << failure(exchange);
    exchange_ = std::move(*exchange);
  }
  void TearDown() override { example_nonce.clear(); }

  std::string first() { return decoded((*exchange_->first())->reveal()); }
  std::string respond(const std::string& challenge) {
    const auto response = exchange_->respond(encoded(challenge));
    return response ? decoded(response->reveal()) : failure(response);
  }

  std::unique_ptr<Exchange> exchange_;
};

TEST_F(Vectors, Rfc5802ScramSha1) {
  begin("SCRAM-SHA-1", credentials("user", "pencil"), "fyko+d2lbbFgONRv9qkxdawL");
  EXPECT_EQ(first(), "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
  EXPECT_EQ(respond("r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"),
            "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
            "p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=");
  EXPECT_EQ(respond("v=rmF9pqV8S7suAoZWja4dJRkFsKQ="), "");
  EXPECT_TRUE(exchange_->complete());
}

TEST_F(Vectors, Rfc7677ScramSha256) {
  begin("SCRAM-SHA-256", credentials("user", "pencil"), "rOprNGfwEbeRWgbNEkqO");
  EXPECT_EQ(first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  EXPECT_EQ(respond("r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                    "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
            "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  EXPECT_EQ(respond("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), "");
  EXPECT_TRUE(exchange_->complete());
}

TEST_F(Vectors, Rfc2195CramMd5) {
  begin("CRAM-MD5", credentials("tim", "tanstaaftanstaaf"));
  EXPECT_EQ(
      exchange_->respond("PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+")->reveal(),
      "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw");
  EXPECT_TRUE(exchange_->complete());
}

TEST_F(Vectors, Rfc4616Plain) {
  begin("PLAIN", credentials("tim", "tanstaaftanstaaf"));
  EXPECT_EQ((*exchange_->first())->reveal(), "AHRpbQB0YW5zdGFhZnRhbnN0YWFm");
}

// RFC 2831 section 4 but for the service, which is imap there.  The two hashes were computed apart
// from libgsasl, by a program that gets those of the RFC for imap.
TEST_F(Vectors, Rfc2831DigestMd5) {
  Credentials who = credentials("chris", "secret");
  who.host = "elwood.innosoft.com";
  begin("DIGEST-MD5", std::move(who), "OA6MHXh6VqTrRk");
  EXPECT_EQ(respond("realm=\"elwood.innosoft.com\",nonce=\"OA6MG9tEQGm2hh\",qop=\"auth\","
                    "algorithm=md5-sess,charset=utf-8"),
            "username=\"chris\", realm=\"elwood.innosoft.com\", nonce=\"OA6MG9tEQGm2hh\", "
            "cnonce=\"OA6MHXh6VqTrRk\", nc=00000001, qop=auth, "
            "digest-uri=\"smtp/elwood.innosoft.com\", response=52ff44907f72314481b5c098c708ebf3, "
            "charset=utf-8");
  EXPECT_FALSE(exchange_->complete());
  EXPECT_EQ(respond("rspauth=84106ee5cb85c426e7ef928db0e49bfa"), "");
  EXPECT_TRUE(exchange_->complete());
}

}  // namespace
}  // namespace sendonce::sasl
