#include "mechanism_server.hh"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "base64.hh"

namespace peer {
namespace {

void check(int code, const char* what) {
  if (code != GSASL_OK) throw std::runtime_error(std::string(what) + ": " + gsasl_strerror(code));
}

}  // namespace

bool MechanismServer::knows(std::string_view mechanism) {
  static constexpr std::array<std::string_view, 6> known = {
      "CRAM-MD5",      "DIGEST-MD5",       "SCRAM-SHA-1",
      "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"};
  return std::find(known.begin(), known.end(), mechanism) != known.end();
}

MechanismServer::MechanismServer(const std::string& mechanism, const Users& users,
                                 const std::string& realm, const TlsBinding* binding)
    : users_(users) {
  Gsasl* library = nullptr;
  check(gsasl_init(&library), "libgsasl");
  library_.reset(library);
  gsasl_callback_set(library, answer);
  gsasl_callback_hook_set(library, this);
  Gsasl_session* session = nullptr;
  check(gsasl_server_start(library, mechanism.c_str(), &session), mechanism.c_str());
  session_.reset(session);
  gsasl_property_set(session, GSASL_REALM, realm.c_str());
  if (binding == nullptr) return;
  const auto property =
      binding->type == "tls-exporter" ? GSASL_CB_TLS_EXPORTER : GSASL_CB_TLS_UNIQUE;
  gsasl_property_set(session, property, base64_encode(binding->data).c_str());
}

int MechanismServer::answer(Gsasl* library, Gsasl_session* session, Gsasl_property property) {
  const auto* self = static_cast<const MechanismServer*>(gsasl_callback_hook_get(library));
  return property == GSASL_PASSWORD ? self->set_password(session) : GSASL_NO_CALLBACK;
}

int MechanismServer::set_password(Gsasl_session* session) const {
  const auto account = users_.find(user());
  if (account == users_.end()) return GSASL_NO_PASSWORD;
  return gsasl_property_set(session, GSASL_PASSWORD, account->second.c_str());
}

MechanismServer::State MechanismServer::step(std::string_view response) {
  char* bytes = nullptr;
  std::size_t size = 0;
  const int code = gsasl_step(session_.get(), response.data(), response.size(), &bytes, &size);
  if (code != GSASL_OK && code != GSASL_NEEDS_MORE) return State::failed;
  challenge_.assign(bytes == nullptr ? "" : bytes, bytes == nullptr ? 0 : size);
  gsasl_free(bytes);
  return code == GSASL_OK ? State::done : State::more;
}

std::string MechanismServer::user() const {
  const char* name = gsasl_property_fast(session_.get(), GSASL_AUTHID);
  return name == nullptr ? "" : name;
}

}  // namespace peer
