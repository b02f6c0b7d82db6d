// See tls_describe.hh.

#include "net/tls_describe.hh"

#include <algorithm>
#include <string_view>
#include <utility>

namespace sendonce::net {

namespace {

std::string text_of(const char* name) { return name == nullptr ? std::string() : name; }

// GnuTLS writes "TLS1.3".
std::string version_text(const std::string& protocol) {
  constexpr std::string_view name = "TLS";
  if (!protocol.starts_with(name)) return protocol.empty() ? std::string(name) : protocol;
  return "TLS " + protocol.substr(name.size());
}

std::string description(gnutls_session_t session) {
  char* const made = gnutls_session_get_desc(session);
  std::string text = text_of(made);
  gnutls_free(made);
  return text;
}

// RFC 9266 section 2: 32 bytes of this label and an empty context.
std::optional<ChannelBinding> exporter(gnutls_session_t session) {
  constexpr std::string_view label = "EXPORTER-Channel-Binding";
  Secret data(std::size_t{32});
  const int code =
      gnutls_prf_rfc5705(session, label.size(), label.data(), 0, "", data.size(), data.writable());
  if (code < 0) return std::nullopt;
  return ChannelBinding{"tls-exporter", std::move(data)};
}

// RFC 5929 section 3, and RFC 7627: without the extended master secret a man in the middle can make
// two sessions with the same Finished messages.
std::optional<ChannelBinding> unique(gnutls_session_t session) {
  if (gnutls_session_ext_master_secret_status(session) == 0) return std::nullopt;
  Datum data;
  if (gnutls_session_channel_binding(session, GNUTLS_CB_TLS_UNIQUE, data.out()) < 0)
    return std::nullopt;
  return ChannelBinding{"tls-unique", Secret(data.view())};
}

}  // namespace

TlsInfo describe_session(gnutls_session_t session) {
  TlsInfo info;
  info.protocol = text_of(gnutls_protocol_get_name(gnutls_protocol_get_version(session)));
  info.version = version_text(info.protocol);
  info.cipher = description(session);
  info.resumed = gnutls_session_is_resumed(session) != 0;
  info.key_exchange = text_of(gnutls_kx_get_name(gnutls_kx_get(session)));
  info.cipher_name = text_of(gnutls_cipher_get_name(gnutls_cipher_get(session)));
  info.mac = text_of(gnutls_mac_get_name(gnutls_mac_get(session)));
  const auto hash = gnutls_prf_hash_get(session);
  info.hash = text_of(gnutls_digest_get_name(hash));
  info.safe_renegotiation = gnutls_safe_renegotiation_status(session) != 0;
  // RFC 8446 appendix D: TLS 1.3 has what the extension is for, without naming it.
  info.extended_master_secret = gnutls_session_ext_master_secret_status(session) != 0 ||
                                gnutls_protocol_get_version(session) == GNUTLS_TLS1_3;
  info.encrypt_then_mac = gnutls_session_etm_status(session) != 0;
  info.prime_bits = std::max(gnutls_dh_get_prime_bits(session), 0);
  return info;
}

std::optional<ChannelBinding> binding_of(gnutls_session_t session) {
  switch (gnutls_protocol_get_version(session)) {
    case GNUTLS_TLS1_3:
      return exporter(session);
    case GNUTLS_TLS1_2:
      return unique(session);
    default:
      return std::nullopt;
  }
}

}  // namespace sendonce::net
