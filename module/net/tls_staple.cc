// See tls_staple.hh.

#include "net/tls_staple.hh"

#include <gnutls/ocsp.h>

#include <ctime>
#include <memory>
#include <utility>

namespace sendonce::net {

namespace {

constexpr std::time_t clock_skew = 300;

struct FreeResponse {
  void operator()(gnutls_ocsp_resp_t response) const noexcept { gnutls_ocsp_resp_deinit(response); }
};
using Response = std::unique_ptr<gnutls_ocsp_resp_int, FreeResponse>;

Response stapled(gnutls_session_t session) {
  gnutls_datum_t data{};  // the session's
  if (gnutls_ocsp_status_request_get(session, &data) < 0) return nullptr;
  gnutls_ocsp_resp_t made = nullptr;
  if (gnutls_ocsp_resp_init(&made) < 0) return nullptr;
  Response response(made);
  return gnutls_ocsp_resp_import(made, &data) < 0 ? nullptr : std::move(response);
}

}  // namespace

// RFC 6960 section 2.2: "unknown" is no proof of anything.  Section 4.2.2.1: one from the future is
// not to be relied on.
unsigned int staple_flags(gnutls_session_t session) {
  const Response response = stapled(session);
  if (!response) return 0;
  unsigned int status = 0;
  std::time_t from = 0;
  const int code = gnutls_ocsp_resp_get_single(response.get(), 0, nullptr, nullptr, nullptr,
                                               nullptr, &status, &from, nullptr, nullptr, nullptr);
  if (code < 0 || status == GNUTLS_OCSP_CERT_UNKNOWN)
    return GNUTLS_CERT_INVALID | GNUTLS_CERT_INVALID_OCSP_STATUS;
  if (from > std::time(nullptr) + clock_skew)
    return GNUTLS_CERT_INVALID | GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE;
  return 0;
}

}  // namespace sendonce::net
