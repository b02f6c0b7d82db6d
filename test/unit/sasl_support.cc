// See sasl_support.hh.

#include "sasl_support.hh"

#include <gtest/gtest.h>

#include "sasl/base64.hh"

// Under ASan: where a step fails, libgsasl 2.2.0 loses a few bytes, and so does the GSSAPI library.
// NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the sanitizer's name
extern "C" __attribute__((visibility("default"))) const char* __lsan_default_suppressions() {
  return "leak:libgsasl\nleak:libgss\n";
}

namespace sendonce::sasl::test {

Credentials credentials(std::string user, std::string_view password) {
  return {
      .user = std::move(user), .password = Secret(password), .host = "mail.example", .port = 587};
}

Binding binding(std::string type, std::string_view data) { return {std::move(type), Secret(data)}; }

std::string decoded(std::string_view base64) {
  const auto bytes = base64_decode(base64, base64.size());
  return bytes ? std::string(bytes->reveal()) : "(not base64)";
}

std::string encoded(std::string_view bytes) {
  const Secret text = base64_encode(bytes);
  return std::string(text.reveal());
}

Server::Server(const std::string& mechanism, Properties properties)
    : properties_(std::move(properties)) {
  Gsasl* library = nullptr;
  EXPECT_EQ(gsasl_init(&library), GSASL_OK);
  library_.reset(library);
  gsasl_callback_set(library, answer);
  gsasl_callback_hook_set(library, this);
  Gsasl_session* session = nullptr;
  EXPECT_EQ(gsasl_server_start(library, mechanism.c_str(), &session), GSASL_OK);
  session_.reset(session);
}

int Server::step(std::string_view response) {
  char* reply = nullptr;
  const int code = gsasl_step64(session_.get(), std::string(response).c_str(), &reply);
  const bool well = code == GSASL_OK || code == GSASL_NEEDS_MORE;
  reply_ = well && reply ? reply : "";
  if (well) gsasl_free(reply);
  return code;
}

std::string Server::property(Gsasl_property which) const {
  const char* text = gsasl_property_fast(session_.get(), which);
  return text ? text : "";
}

int Server::answer(Gsasl* library, Gsasl_session* session, Gsasl_property property) {
  auto* self = static_cast<Server*>(gsasl_callback_hook_get(library));
  if (property == GSASL_VALIDATE_SIMPLE) return self->validate(session);
  if (property == GSASL_VALIDATE_EXTERNAL)
    return self->property(GSASL_AUTHZID).empty() ? GSASL_OK : GSASL_AUTHENTICATION_ERROR;
  const auto found = self->properties_.find(property);
  if (found == self->properties_.end()) return GSASL_NO_CALLBACK;
  return gsasl_property_set(session, property, found->second.c_str());
}

int Server::validate(Gsasl_session* session) {
  const bool right = properties_[GSASL_AUTHID] == gsasl_property_fast(session, GSASL_AUTHID) &&
                     properties_[GSASL_PASSWORD] == gsasl_property_fast(session, GSASL_PASSWORD);
  return right ? GSASL_OK : GSASL_AUTHENTICATION_ERROR;
}

bool agree(Exchange& client, Server& server, const Change& change) {
  auto first = client.first();
  if (!first) return false;
  int code = server.step(*first ? (*first)->reveal() : "");
  while (code == GSASL_NEEDS_MORE || (code == GSASL_OK && !server.reply().empty())) {
    const auto response = client.respond(change ? change(server.reply()) : server.reply());
    if (!response) return false;
    if (code == GSASL_OK) break;  // the client has heard the last word, and has nothing to add
    code = server.step(response->reveal());
  }
  return code == GSASL_OK && client.complete();
}

}  // namespace sendonce::sasl::test
