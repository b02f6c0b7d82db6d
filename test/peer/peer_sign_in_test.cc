// Signing in: what each mechanism says, by hand or by libgsasl's client, and the scenario's say.

#include <gsasl.h>

#include <memory>

#include "peer_support.hh"

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

// With libgsasl's client

namespace {

constexpr const char* all_mechanisms =
    "SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-1 DIGEST-MD5 CRAM-MD5 PLAIN LOGIN "
    "EXTERNAL XOAUTH2 OAUTHBEARER";

Strings all(Strings more = {}) {
  more.insert(more.end(), {"--user", "j\xc3\xbcrgen:secret", "--auth", all_mechanisms});
  return more;
}

std::string base64(std::string_view bytes) {
  char* text = nullptr;
  gsasl_base64_to(bytes.data(), bytes.size(), &text, nullptr);
  std::string copy(text);
  gsasl_free(text);
  return copy;
}

// The client's side of one exchange; client first, but for CRAM-MD5 and DIGEST-MD5.
class SaslClient {
 public:
  SaslClient(PeerClient& client, const std::string& mechanism, const char* password = "secret")
      : client_(client), mechanism_(mechanism) {
    Gsasl* library = nullptr;
    gsasl_init(&library);
    library_.reset(library);
    Gsasl_session* session = nullptr;
    EXPECT_EQ(gsasl_client_start(library, mechanism.c_str(), &session), GSASL_OK);
    session_.reset(session);
    for (const auto& [property, value] : {std::pair{GSASL_AUTHID, "j\xc3\xbcrgen"},
                                          {GSASL_PASSWORD, password},
                                          {GSASL_SERVICE, "smtp"},
                                          {GSASL_HOSTNAME, "peer.test"}}) {
      set(property, value);
    }
  }

  void set(Gsasl_property property, const std::string& value) {
    gsasl_property_set(session_.get(), property, value.c_str());
  }

  void bind(gnutls_channel_binding_t type) {
    gnutls_datum_t data{nullptr, 0};
    ASSERT_EQ(gnutls_session_channel_binding(client_.tls(), type, &data), 0);
    set(type == GNUTLS_CB_TLS_UNIQUE ? GSASL_CB_TLS_UNIQUE : GSASL_CB_TLS_EXPORTER,
        base64({reinterpret_cast<const char*>(data.data), data.size}));
    gnutls_free(data.data);
  }

  // The last reply: all that is no challenge.
  std::string run() {
    const bool first = mechanism_ != "CRAM-MD5" && mechanism_ != "DIGEST-MD5";
    std::string reply = client_.ask("AUTH " + mechanism_ + (first ? " " + step("") : "") + "\r\n");
    while (reply.starts_with("334 ")) {
      reply = client_.ask(step(reply.substr(4, reply.size() - 6)) + "\r\n");
    }
    return reply;
  }

 private:
  std::string step(const std::string& challenge) {
    char* response = nullptr;
    const int code = gsasl_step64(session_.get(), challenge.c_str(), &response);
    if (code != GSASL_OK && code != GSASL_NEEDS_MORE) return "*";
    std::string text(response);
    gsasl_free(response);
    return text;
  }

  PeerClient& client_;
  std::string mechanism_;
  std::unique_ptr<Gsasl, void (*)(Gsasl*)> library_{nullptr, gsasl_done};
  std::unique_ptr<Gsasl_session, void (*)(Gsasl_session*)> session_{nullptr, gsasl_finish};
};

class Mechanism : public ::testing::TestWithParam<const char*> {};

}  // namespace

TEST_P(Mechanism, TakesTheRightPasswordAlone) {
  PeerProcess peer(plain(all({"--require-auth"})));
  PeerClient client(peer.port());
  greet(client);
  EXPECT_TRUE(SaslClient(client, GetParam(), "wrong").run().starts_with("535 5.7.8"));
  EXPECT_TRUE(SaslClient(client, GetParam()).run().starts_with("235 2.7.0"));
  EXPECT_TRUE(client.ask("MAIL FROM:<a@x>\r\n").starts_with("250 "));
  EXPECT_FALSE(peer.has("violations"));
}

INSTANTIATE_TEST_SUITE_P(Library, Mechanism,
                         ::testing::Values("CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1",
                                           "SCRAM-SHA-256"));

namespace {

struct Bound {
  const char* version;
  gnutls_channel_binding_t type;
};

class Binding : public ::testing::TestWithParam<Bound> {
 protected:
  Binding() : peer_(all({"--tls-versions", GetParam().version})), client_(peer_.port()) {
    EXPECT_EQ(client_.start_tls(peer_.path("ca.pem"), "localhost"), "");
    greet(client_);
  }
  PeerProcess peer_;
  PeerClient client_;
};

}  // namespace

TEST_P(Binding, IsTheSameAtBothEnds) {
  SaslClient sasl(client_, "SCRAM-SHA-256-PLUS");
  sasl.bind(GetParam().type);
  EXPECT_TRUE(sasl.run().starts_with("235 "));
}

TEST_P(Binding, ToAnotherLineIsRefused) {
  SaslClient sasl(client_, "SCRAM-SHA-1-PLUS");
  sasl.set(GetParam().type == GNUTLS_CB_TLS_UNIQUE ? GSASL_CB_TLS_UNIQUE : GSASL_CB_TLS_EXPORTER,
           base64("another line"));
  EXPECT_TRUE(sasl.run().starts_with("535 "));
}

TEST_P(Binding, ThatWasTakenFromTheOfferIsMissed) {
  // "y,,n=x,r=nonce": the client could bind, and thinks that the server cannot.
  EXPECT_TRUE(
      client_.ask("AUTH SCRAM-SHA-256 " + base64("y,,n=x,r=nonce") + "\r\n").starts_with("535 "));
}

INSTANTIATE_TEST_SUITE_P(
    Tls, Binding,
    ::testing::Values(Bound{"NORMAL:-VERS-ALL:+VERS-TLS1.3", GNUTLS_CB_TLS_EXPORTER},
                      Bound{"NORMAL:-VERS-ALL:+VERS-TLS1.2", GNUTLS_CB_TLS_UNIQUE}));

TEST(Offer, WhatIsNotOfferedIsRefused) {
  PeerProcess peer(plain({"--user", "joe:secret", "--auth", "PLAIN GSSAPI"}));
  PeerClient client(peer.port());
  greet(client);
  for (const char* mechanism : {"LOGIN", "CRAM-MD5", "GSSAPI"}) {
    EXPECT_TRUE(client.ask(std::string("AUTH ") + mechanism + "\r\n").starts_with("504 "));
  }
}

TEST(Offer, BindingNeedsTls) {
  PeerProcess peer(plain(all()));
  PeerClient client(peer.port());
  greet(client);
  EXPECT_TRUE(client.ask("AUTH SCRAM-SHA-1-PLUS\r\n").starts_with("504 "));
}

TEST(External, NeedsACertificate) {
  PeerProcess peer(all());
  PeerClient client(peer.port());
  ASSERT_EQ(client.start_tls(peer.path("ca.pem"), "localhost"), "");
  greet(client);
  EXPECT_TRUE(client.ask("AUTH EXTERNAL =\r\n").starts_with("535 "));
  EXPECT_EQ(client.ask("AUTH EXTERNAL\r\n"), "334 \r\n");
  EXPECT_TRUE(client.ask("\r\n").starts_with("535 "));
}

// DIGEST-MD5 with a security layer

namespace {

std::string digest_response(const std::string& qop) {
  return base64("username=\"joe\",realm=\"peer.test\",nonce=\"x\",cnonce=\"y\",nc=00000001,qop=" +
                qop + ",digest-uri=\"smtp/peer.test\",response=00000000000000000000000000000000") +
         "\r\n";
}

}  // namespace

TEST(DigestMd5, ALayerIsAgreedOnAndTheLineIsDropped) {
  PeerProcess peer(plain(all({"--digest-qop", "auth,auth-int,auth-conf"})));
  for (const char* qop : {"auth-conf", "auth-int"}) {
    PeerClient client(peer.port());
    greet(client);
    client.ask("AUTH DIGEST-MD5\r\n");
    EXPECT_TRUE(client.ask(digest_response(qop)).starts_with("235 "));
    EXPECT_EQ(client.ask("MAIL FROM:<a@x>\r\n"), "");
    EXPECT_EQ(client.ended(), "fin");
  }
  EXPECT_EQ(peer.total(1, "end"), "after-sign-in");
}

TEST(DigestMd5, TheOfferIsAsTheOptionSays) {
  PeerProcess peer(plain(all({"--digest-qop", "auth,auth-int,auth-conf"})));
  PeerClient client(peer.port());
  greet(client);
  EXPECT_TRUE(SaslClient(client, "DIGEST-MD5").run().starts_with("235 "));
  EXPECT_TRUE(client.ask("NOOP\r\n").starts_with("250 "));
  const std::string log = peer.file("log");
  // qop="auth,auth-int,auth-conf" within the challenge
  const std::size_t at = log.find("S: 334 ") + 7;
  const std::string challenge = log.substr(at, log.find('\n', at) - at);
  char* text = nullptr;
  std::size_t size = 0;
  ASSERT_EQ(gsasl_base64_from(challenge.data(), challenge.size(), &text, &size), GSASL_OK);
  EXPECT_NE(std::string(text, size).find("qop=\"auth,auth-int,auth-conf\""), std::string::npos);
  gsasl_free(text);
}

// Tokens

namespace {

class Token : public ::testing::Test {
 protected:
  Token() : peer_(plain(all())), client_(peer_.port()) { greet(client_); }
  std::string ask(const std::string& mechanism, const std::string& message) {
    return client_.ask("AUTH " + mechanism + " " + base64(message) + "\r\n");
  }
  PeerProcess peer_;
  PeerClient client_;
};

constexpr const char* bearer =
    "n,a=j\xc3\xbcrgen,\x01host=peer.test\x01port=25\x01"
    "auth=Bearer ";

}  // namespace

TEST_F(Token, IsTakenByXoauth2) {
  EXPECT_TRUE(ask("XOAUTH2",
                  "user=j\xc3\xbcrgen\x01"
                  "auth=Bearer secret\x01\x01")
                  .starts_with("235 "));
}

TEST_F(Token, IsTakenByOauthbearer) {
  EXPECT_TRUE(ask("OAUTHBEARER", std::string(bearer) + "secret\x01\x01").starts_with("235 "));
}

TEST_F(Token, IsRefusedInTwoSteps) {
  EXPECT_TRUE(
      ask("OAUTHBEARER", std::string(bearer) + "old\x01\x01").starts_with("334 eyJzdGF0dXMi"));
  EXPECT_TRUE(client_.ask("AQ==\r\n").starts_with("535 5.7.8"));
  EXPECT_TRUE(ask("XOAUTH2",
                  "user=j\xc3\xbcrgen\x01"
                  "auth=Bearer old\x01\x01")
                  .starts_with("334 "));
  EXPECT_TRUE(client_.ask("\r\n").starts_with("535 5.7.8"));
  EXPECT_FALSE(peer_.has("violations"));
}

TEST_F(Token, WrongAnswersToARefusalAreViolations) {
  ask("XOAUTH2",
      "user=j\xc3\xbcrgen\x01"
      "auth=Bearer old\x01\x01");
  client_.ask("AQ==\r\n");
  EXPECT_EQ(peer_.file("violations"), "#1 XOAUTH2: not what a refusal is answered with\n");
}

// The scenario

TEST(SignInRule, ConcernsOneMechanism) {
  PeerProcess peer(plain(all()),
                   "at AUTH CRAM-MD5: say \"535 5.7.8 Not so\\r\\n\"\n"
                   "at AUTH scram-sha-1: say \"504 5.5.4 Never heard\\r\\n\"");
  PeerClient client(peer.port());
  greet(client);
  EXPECT_EQ(SaslClient(client, "CRAM-MD5").run(), "535 5.7.8 Not so\r\n");
  EXPECT_EQ(SaslClient(client, "SCRAM-SHA-1").run(), "504 5.5.4 Never heard\r\n");
  EXPECT_TRUE(SaslClient(client, "SCRAM-SHA-256").run().starts_with("235 "));
}

TEST(SignInRule, DropsTheLineAfterTheSignIn) {
  PeerProcess peer(plain(all()),
                   "at AUTH CRAM-MD5: continue; drop-later\nat AUTH DIGEST-MD5: continue; drop");
  for (const char* mechanism : {"CRAM-MD5", "DIGEST-MD5"}) {
    PeerClient client(peer.port());
    greet(client);
    EXPECT_TRUE(SaslClient(client, mechanism).run().starts_with("235 "));
    EXPECT_EQ(client.ask("NOOP\r\n"), "");
    EXPECT_TRUE(client.over());
  }
  PeerClient client(peer.port());
  greet(client);
  EXPECT_TRUE(SaslClient(client, "SCRAM-SHA-1").run().starts_with("235 "));
  EXPECT_TRUE(client.ask("NOOP\r\n").starts_with("250 "));
}

TEST(SignInRule, DropsTheLineInMidExchange) {
  PeerProcess peer(plain(all()), "at AUTH-response SCRAM-SHA-256: drop");
  PeerClient client(peer.port());
  greet(client);
  EXPECT_EQ(SaslClient(client, "SCRAM-SHA-256").run(), "");
  EXPECT_EQ(client.ended(), "fin");
}

TEST(SignInRule, SaysYesTooEarly) {
  PeerProcess peer(plain(all({"--require-auth"})),
                   "at AUTH-response SCRAM-SHA-256: say \"235 2.7.0 Early\\r\\n\"");
  PeerClient client(peer.port());
  greet(client);
  EXPECT_EQ(SaslClient(client, "SCRAM-SHA-256", "wrong").run(), "235 2.7.0 Early\r\n");
  EXPECT_TRUE(client.ask("MAIL FROM:<a@x>\r\n").starts_with("250 "));
}

TEST(SignInRule, RefusesInMidExchange) {
  PeerProcess peer(plain(all()), "at AUTH-response LOGIN 2: say \"454 4.7.0 Later\\r\\n\"");
  PeerClient client(peer.port());
  greet(client);
  client.ask("AUTH LOGIN\r\n");
  EXPECT_TRUE(client.ask("am9l\r\n").starts_with("334 "));
  EXPECT_EQ(client.ask("am9l\r\n"), "454 4.7.0 Later\r\n");
  EXPECT_TRUE(SaslClient(client, "CRAM-MD5").run().starts_with("235 "));
}

TEST(SignInRule, ChangesTheOffer) {
  PeerProcess peer(plain(all()),
                   "at EHLO 2: offer-auth \"LOGIN\"; continue\n"
                   "at EHLO 3: offer-auth \"\"; continue\n"
                   "connection 2 at EHLO: offer-auth \"PLAIN\"; continue");
  PeerClient first(peer.port());
  first.hear();
  EXPECT_NE(first.ask("EHLO me\r\n").find(all_mechanisms), std::string::npos);
  EXPECT_NE(first.ask("EHLO me\r\n").find("AUTH LOGIN\r\n"), std::string::npos);
  EXPECT_TRUE(first.ask("AUTH PLAIN\r\n").starts_with("504 "));
  EXPECT_EQ(first.ask("EHLO me\r\n").find("AUTH"), std::string::npos);
  PeerClient second(peer.port());
  second.hear();
  EXPECT_NE(second.ask("EHLO me\r\n").find("AUTH PLAIN\r\n"), std::string::npos);
}
