// GnuTLS' C handles with owners.  Included only by tls_*.cc.  Owns nothing itself; no calls but the
// ones that free.

#pragma once

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/secret.hh"

namespace sendonce::net {

struct FreeCertificate {
  void operator()(gnutls_x509_crt_t certificate) const noexcept {
    gnutls_x509_crt_deinit(certificate);
  }
};
using Certificate = std::unique_ptr<gnutls_x509_crt_int, FreeCertificate>;

/// Bytes that GnuTLS allocated; wiped before they go, since some are session secrets.
class Datum {
 public:
  Datum() = default;
  Datum(const Datum&) = delete;
  Datum& operator=(const Datum&) = delete;
  ~Datum() {
    if (datum_.data == nullptr) return;
    wipe(datum_.data, datum_.size);
    gnutls_free(datum_.data);
  }

  gnutls_datum_t* out() noexcept { return &datum_; }
  [[nodiscard]] std::string_view view() const noexcept {
    return datum_.data == nullptr
               ? std::string_view()
               : std::string_view(reinterpret_cast<const char*>(datum_.data), datum_.size);
  }

 private:
  gnutls_datum_t datum_{};
};

/// A GnuTLS error code in words, without the full stop.
inline std::string gnutls_words(int code) {
  std::string words = gnutls_strerror(code);
  if (words.ends_with('.')) words.pop_back();
  return words;
}

}  // namespace sendonce::net
