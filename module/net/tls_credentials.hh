// Whom we trust: the system's trust store and the user's own files, loaded once for many sessions.
//
// Called by any thread.  Loading takes 10 ms and more, so loaded sets are shared: the same list of
// files, unchanged on disk, gives the same Credentials for up to an hour (then the system's store
// may have been updated).  Read-only once made, hence safe for concurrent sessions.

#pragma once

#include <gnutls/gnutls.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hh"

namespace sendonce::net {

class Credentials {
 public:
  Credentials() = default;
  Credentials(const Credentials&) = delete;
  Credentials& operator=(const Credentials&) = delete;
  ~Credentials();

  /// Errors: certificate (a trust file that cannot be read), internal.
  static Result<std::shared_ptr<Credentials>> load(const std::vector<std::string>& trust_files);

  [[nodiscard]] gnutls_certificate_credentials_t get() const noexcept { return handle_; }
  /// How many authorities are trusted; 0 explains why nothing is.
  [[nodiscard]] int authorities() const noexcept { return authorities_; }
  /// WHAT lives as long as these do: a client's key calls it back.
  void keep(std::shared_ptr<void> what) { kept_ = std::move(what); }

 private:
  gnutls_certificate_credentials_t handle_ = nullptr;
  int authorities_ = 0;
  std::shared_ptr<void> kept_;
};

/// As `Credentials::load`, but shared with those who asked for the same files before.
Result<std::shared_ptr<const Credentials>> shared_credentials(
    const std::vector<std::string>& trust_files);

}  // namespace sendonce::net
