// See mechanism.hh.  What a mechanism is like is data: one row each, best first.

#include "sasl/mechanism.hh"

#include <gsasl.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace sendonce::sasl {

namespace {

struct Mechanism {
  std::string_view name;
  bool client_first;  // has an initial response (RFC 4422 section 5)
  bool plain_text;    // shows the password to whoever reads the line
};

constexpr std::array<Mechanism, 2> mechanisms = {{
    {"PLAIN", true, true},   // RFC 4616
    {"LOGIN", false, true},  // draft-murchison-sasl-login; server speaks first
}};

const Mechanism* find(std::string_view name) {
  const auto* found = std::find_if(mechanisms.begin(), mechanisms.end(),
                                   [&](const Mechanism& one) { return one.name == name; });
  return found == mechanisms.end() ? nullptr : found;
}

bool has(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool usable(const Choice& choice, std::string_view name) {
  const Mechanism* mechanism = find(name);
  return mechanism && has(choice.offered, name) && !has(choice.tried, name) &&
         (choice.plain_text_allowed || !mechanism->plain_text);
}

Error gsasl_error(Cause cause, int code) {
  return Error{
      cause, Phase::sign_in, std::string("Sign-in cannot go on: ") + gsasl_strerror(code), {}};
}

struct LibraryCloser {
  void operator()(Gsasl* library) const { gsasl_done(library); }
};
struct SessionCloser {
  void operator()(Gsasl_session* session) const { gsasl_finish(session); }
};
using Library = std::unique_ptr<Gsasl, LibraryCloser>;
using LibrarySession = std::unique_ptr<Gsasl_session, SessionCloser>;

/// A string that libgsasl allocated, made a Secret and wiped.
Secret taken(char* text) {
  Secret secret{std::string_view(text)};
  wipe(text, std::strlen(text));
  gsasl_free(text);
  return secret;
}

class GsaslExchange final : public Exchange {
 public:
  GsaslExchange(bool client_first, Library library, LibrarySession session)
      : client_first_(client_first), library_(std::move(library)), session_(std::move(session)) {}

  Result<std::optional<Secret>> first() override {
    if (!client_first_) return std::nullopt;
    auto response = step(nullptr);
    if (!response) return fail(response.error());
    return std::optional<Secret>(std::move(*response));
  }

  Result<Secret> respond(std::string_view challenge) override {
    return step(std::string(challenge).c_str());
  }

 private:
  Result<Secret> step(const char* challenge) {
    char* response = nullptr;
    const int code = gsasl_step64(session_.get(), challenge, &response);
    if (code != GSASL_OK && code != GSASL_NEEDS_MORE)
      return fail(gsasl_error(Cause::auth_failed, code));
    return response ? taken(response) : Secret();
  }

  bool client_first_;
  Library library_;
  LibrarySession session_;  // after library_: it must go first
};

Result<Library> open_library() {
  Gsasl* library = nullptr;
  if (const int code = gsasl_init(&library); code != GSASL_OK) {
    return fail(gsasl_error(Cause::internal, code));
  }
  return Library(library);
}

}  // namespace

std::optional<std::string> choose(const Choice& choice) {
  if (!choice.wanted.empty()) {
    for (const std::string& name : choice.wanted) {
      if (usable(choice, name)) return name;
    }
    return std::nullopt;
  }
  for (const Mechanism& mechanism : mechanisms) {
    if (usable(choice, mechanism.name)) return std::string(mechanism.name);
  }
  return std::nullopt;
}

std::vector<std::string> known_mechanisms() {
  std::vector<std::string> names;
  names.reserve(mechanisms.size());
  for (const Mechanism& mechanism : mechanisms) names.emplace_back(mechanism.name);
  return names;
}

Result<std::unique_ptr<Exchange>> Exchange::begin(const std::string& mechanism,
                                                  const Credentials& credentials) {
  const Mechanism* row = find(mechanism);
  if (!row)
    return fail(Cause::auth_unavailable, Phase::sign_in, "No such mechanism here: " + mechanism);
  if (credentials.user.empty())
    return fail(Cause::bad_argument, Phase::sign_in, "The user name is empty");
  auto library = open_library();
  if (!library) return fail(library.error());
  Gsasl_session* session = nullptr;
  const int code = gsasl_client_start(library->get(), mechanism.c_str(), &session);
  if (code != GSASL_OK) return fail(gsasl_error(Cause::auth_unavailable, code));
  gsasl_property_set(session, GSASL_AUTHID, credentials.user.c_str());
  gsasl_property_set(session, GSASL_PASSWORD, credentials.password.reveal().data());
  return std::make_unique<GsaslExchange>(row->client_first, std::move(*library),
                                         LibrarySession(session));
}

}  // namespace sendonce::sasl
