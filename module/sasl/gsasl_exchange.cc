// See gsasl_exchange.hh.
//
// libgsasl frees without wiping.  What can be reached is wiped here: its copies of the properties
// that are secret, and every response it makes.  What cannot: the temporaries within a step (the
// password after SASLprep, SCRAM's and DIGEST-MD5's keys) and what it frees when a step fails.

#include "sasl/gsasl_exchange.hh"

#include <gsasl.h>

#include <array>
#include <cstring>
#include <utility>

#include "base/text.hh"
#include "sasl/base64.hh"
#include "sasl/challenge.hh"
#include "sasl/offer_checks.hh"

namespace sendonce::sasl {

namespace {

void wipe_property(Gsasl_session* session, Gsasl_property property) {
  const char* text = gsasl_property_fast(session, property);
  if (text) wipe(const_cast<char*>(text), std::strlen(text));
}

struct LibraryCloser {
  void operator()(Gsasl* library) const { gsasl_done(library); }
};

struct SessionCloser {
  void operator()(Gsasl_session* session) const {
    static constexpr std::array secrets = {
        GSASL_PASSWORD,        GSASL_SCRAM_SALTED_PASSWORD, GSASL_SCRAM_SERVERKEY,
        GSASL_SCRAM_STOREDKEY, GSASL_CB_TLS_EXPORTER,       GSASL_CB_TLS_UNIQUE,
    };
    for (const Gsasl_property property : secrets) wipe_property(session, property);
    gsasl_finish(session);
  }
};

using Library = std::unique_ptr<Gsasl, LibraryCloser>;
using Session = std::unique_ptr<Gsasl_session, SessionCloser>;

Result<Library> open_library() {
  Gsasl* library = nullptr;
  if (const int code = gsasl_init(&library); code != GSASL_OK)
    return fail(Cause::internal, Phase::sign_in, gsasl_strerror(code));
  return Library(library);
}

Result<Session> open_session(Gsasl* library, const Mechanism& mechanism) {
  Gsasl_session* session = nullptr;
  const std::string name(mechanism.name);
  if (gsasl_client_start(library, name.c_str(), &session) != GSASL_OK)
    return fail(Cause::auth_unavailable, Phase::sign_in, "This libgsasl has no " + name);
  return Session(session);
}

/// Bytes that libgsasl allocated, made a Secret and wiped.
Secret taken(char* bytes, std::size_t size) {
  if (!bytes) return {};
  Secret secret{std::string_view(bytes, size)};
  wipe(bytes, size);
  gsasl_free(bytes);
  return secret;
}

std::string library_words(int code) {
  switch (code) {
    case GSASL_SASLPREP_ERROR:
      return "user name or password has a character that this mechanism does not take (SASLprep)";
    case GSASL_GSSAPI_INIT_SEC_CONTEXT_ERROR:
      return "there is no Kerberos ticket for this server (see klist, kinit)";
    default:
      return gsasl_strerror(code);
  }
}

class GsaslExchange final : public Exchange {
 public:
  GsaslExchange(const Mechanism& mechanism, Library library, Session session)
      : mechanism_(mechanism), library_(std::move(library)), session_(std::move(session)) {}

  Result<std::optional<Secret>> first() override {
    if (!mechanism_.client_first) return std::nullopt;
    auto response = step({});
    if (!response) return fail(response.error());
    return std::optional<Secret>(std::move(*response));
  }

  Result<Secret> respond(std::string_view challenge) override {
    if (over_) return fail(cannot_go_on("the server goes on after the end of the mechanism"));
    const auto decoded = decode_challenge(challenge);
    if (!decoded) return stop(decoded.error());
    if (const auto why = unsound(mechanism_.name, decoded->reveal()))
      return stop(cannot_go_on(*why));
    if (mechanism_.name.starts_with("SCRAM-")) words_ = scram_error(decoded->reveal());
    if (!words_.empty()) return stop(cannot_go_on("the server says: " + words_));
    return step(decoded->reveal());
  }

  [[nodiscard]] bool complete() const override { return complete_; }
  [[nodiscard]] std::string server_words() const override { return words_; }

 private:
  Result<Secret> step(std::string_view challenge) {
    char* bytes = nullptr;
    std::size_t size = 0;
    const int code = gsasl_step(session_.get(), challenge.data(), challenge.size(), &bytes, &size);
    if (code != GSASL_OK && code != GSASL_NEEDS_MORE)
      return stop(cannot_go_on(library_words(code)));
    const Secret response = taken(bytes, size);
    if (!authentication_alone()) return stop(cannot_go_on("the server insists on encoding"));
    complete_ = over_ = code == GSASL_OK;
    return base64_encode(response.reveal());
  }

  /// Of DIGEST-MD5: is qop=auth, which libgsasl is told to answer, among the offer?
  [[nodiscard]] bool authentication_alone() const {
    const char* offered = gsasl_property_fast(session_.get(), GSASL_QOPS);
    return !offered || std::strstr(offered, "qop-auth");
  }

  tl::unexpected<Error> stop(Error error) {
    over_ = true;
    return fail(std::move(error));
  }

  const Mechanism& mechanism_;
  Library library_;
  Session session_;  // after library_: it must go first
  std::string words_;
  bool complete_ = false;
  bool over_ = false;
};

void set_binding(Gsasl_session* session, const Binding& binding) {
  const auto property =
      binding.type == "tls-exporter" ? GSASL_CB_TLS_EXPORTER : GSASL_CB_TLS_UNIQUE;
  const Secret text = base64_encode(binding.data.reveal());
  gsasl_property_set(session, property, text.reveal().data());
}

/// Can this libgsasl say "y"?  2.2.0 cannot: given a binding, it refuses to begin without -PLUS
/// (scram_valid_client_first has no cbname but with "p").  "n" is the next best then.
bool says_y(Gsasl* library, const Mechanism& mechanism, const Binding& binding) {
  const auto session = open_session(library, mechanism);
  if (!session) return false;
  gsasl_property_set(session->get(), GSASL_AUTHID, "x");
  set_binding(session->get(), binding);
  char* bytes = nullptr;
  std::size_t size = 0;
  const bool can = gsasl_step(session->get(), nullptr, 0, &bytes, &size) == GSASL_NEEDS_MORE;
  if (can) (void)taken(bytes, size);
  return can;
}

bool can_bind(const Binding* binding) {
  return binding && !binding->data.empty() &&
         (binding->type == "tls-exporter" || binding->type == "tls-unique");
}

void set_properties(Gsasl_session* session, const Mechanism& mechanism, const Credentials& who) {
  gsasl_property_set(session, GSASL_SERVICE, "smtp");
  gsasl_property_set(session, GSASL_QOP, "qop-auth");
  if (!who.host.empty()) gsasl_property_set(session, GSASL_HOSTNAME, who.host.c_str());
  if (mechanism.needs == Needs::password) {
    gsasl_property_set(session, GSASL_AUTHID, who.user.c_str());
    // A copy, since an empty Secret may have no bytes, which would be no password at all.
    gsasl_property_set(session, GSASL_PASSWORD, who.password.copy().reveal().data());
  }
}

/// Is the binding to be given to the library: to bind, or to say that we could have?
bool uses_binding(Gsasl* library, const Mechanism& mechanism, const Credentials& who) {
  if (mechanism.only == Only::with_binding) return true;
  return mechanism.name.starts_with("SCRAM-") && can_bind(who.binding) && !who.plus_offered &&
         says_y(library, mechanism, *who.binding);
}

bool has_line_end(std::string_view text) {
  return text.find_first_of(std::string_view("\0\r\n", 3)) != std::string_view::npos;
}

Status fitting(const Mechanism& mechanism, const Credentials& who) {
  if (has_line_end(who.user) || has_line_end(who.password.reveal())) {
    return fail(Cause::bad_argument, Phase::sign_in,
                "The user name or the password has a line end or a NUL");
  }
  if (mechanism.only == Only::with_binding && !can_bind(who.binding)) {
    return fail(Cause::auth_unavailable, Phase::sign_in,
                "The TLS session gives nothing to bind " + std::string(mechanism.name) + " to");
  }
  // libntlm widens bytes to UTF-16 one by one, so that the hash would be that of another password.
  if (mechanism.name == "NTLM" && !(is_ascii(who.user) && is_ascii(who.password.reveal()))) {
    return fail(Cause::auth_unavailable, Phase::sign_in,
                "NTLM takes only ASCII in user name and password here");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Exchange>> begin_gsasl(const Mechanism& mechanism,
                                              const Credentials& credentials) {
  if (const Status status = fitting(mechanism, credentials); !status) return fail(status.error());
  auto library = open_library();
  if (!library) return fail(library.error());
  auto session = open_session(library->get(), mechanism);
  if (!session) return fail(session.error());
  set_properties(session->get(), mechanism, credentials);
  if (uses_binding(library->get(), mechanism, credentials))
    set_binding(session->get(), *credentials.binding);
  return std::make_unique<GsaslExchange>(mechanism, std::move(*library), std::move(*session));
}

}  // namespace sendonce::sasl
