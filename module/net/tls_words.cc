// See tls_words.hh.

#include "net/tls_words.hh"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "net/tls_handles.hh"

namespace sendonce::net {

namespace {

struct Words {
  int number;
  std::string_view text;
};

constexpr std::string_view no_common_version =
    "there is no TLS version in common (the server wants one older than TLS 1.2, or the priority "
    "string leaves out what it speaks)";
constexpr std::string_view no_common_cipher = "there is no cipher or signature algorithm in common";
constexpr std::string_view no_tls = "the server sent something that is no TLS";
constexpr std::string_view bad_client =
    "the server does not accept the client certificate (client-key, client-cert)";

// RFC 8446 section 6.2; the alert's name comes before.
constexpr std::array alerts{
    Words{GNUTLS_A_PROTOCOL_VERSION, no_common_version},
    Words{GNUTLS_A_HANDSHAKE_FAILURE,
          "there is no cipher or signature algorithm in common, or it wants a client certificate"},
    Words{GNUTLS_A_INSUFFICIENT_SECURITY, "it wants stronger ciphers than there are in common"},
    Words{GNUTLS_A_CERTIFICATE_REQUIRED, "it wants a client certificate: set client-key"},
    Words{GNUTLS_A_BAD_CERTIFICATE, bad_client},
    Words{GNUTLS_A_UNSUPPORTED_CERTIFICATE, bad_client},
    Words{GNUTLS_A_CERTIFICATE_REVOKED, bad_client},
    Words{GNUTLS_A_CERTIFICATE_EXPIRED, bad_client},
    Words{GNUTLS_A_CERTIFICATE_UNKNOWN, bad_client},
    Words{GNUTLS_A_UNKNOWN_CA, bad_client},
    Words{GNUTLS_A_UNRECOGNIZED_NAME, "it does not know itself by the host name it was given"},
};

constexpr std::array codes{
    Words{GNUTLS_E_UNSUPPORTED_VERSION_PACKET, no_common_version},
    Words{GNUTLS_E_UNKNOWN_CIPHER_SUITE, no_common_cipher},
    Words{GNUTLS_E_UNWANTED_ALGORITHM, no_common_cipher},
    Words{GNUTLS_E_NO_CIPHER_SUITES, no_common_cipher},
    Words{GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM, no_common_cipher},
    Words{GNUTLS_E_UNEXPECTED_PACKET_LENGTH, no_tls},
    Words{GNUTLS_E_UNEXPECTED_PACKET, no_tls},
    Words{GNUTLS_E_RECORD_OVERFLOW, no_tls},
    Words{GNUTLS_E_PREMATURE_TERMINATION, "the server closed the connection in the middle of TLS"},
    Words{GNUTLS_E_KEY_USAGE_VIOLATION,
          "the server's certificate is not meant for the use it makes of it (key usage)"},
    Words{GNUTLS_E_UNSAFE_RENEGOTIATION_DENIED,
          "the server knows no safe renegotiation (RFC 5746)"},
    Words{GNUTLS_E_PK_SIG_VERIFY_FAILED, "the server's signature is wrong"},
    Words{GNUTLS_E_DECRYPTION_FAILED, "what the server sent was changed on its way"},
};

template <std::size_t size>
std::string_view find_words(const std::array<Words, size>& table, int number) {
  const auto* const found = std::find_if(
      table.begin(), table.end(), [number](const Words& words) { return words.number == number; });
  return found == table.end() ? std::string_view() : found->text;
}

// TLS 1.2 has no alert of its own for a demand that was not met.
bool wanted_a_client(gnutls_session_t session) {
  return gnutls_certificate_client_get_request_status(session) != 0 &&
         gnutls_certificate_get_ours(session) == nullptr;
}

std::string alert_words(gnutls_session_t session) {
  const gnutls_alert_description_t alert = gnutls_alert_get(session);
  const char* const name = gnutls_alert_get_name(alert);
  std::string text = "the server broke off TLS: ";
  text += name == nullptr ? "unknown alert" : name;
  std::string_view meaning = find_words(alerts, static_cast<int>(alert));
  if (wanted_a_client(session)) meaning = "it wants a client certificate: set client-key";
  return meaning.empty() ? text : text.append("; ").append(meaning);
}

std::string prime_words(gnutls_session_t session) {
  const int bits = gnutls_dh_get_prime_bits(session);
  return "the server's Diffie-Hellman prime is too short" +
         (bits > 0 ? " (" + std::to_string(bits) + " bits)" : std::string()) +
         "; ciphers with ECDHE need none";
}

std::string words_of(gnutls_session_t session, int code) {
  if (code == GNUTLS_E_FATAL_ALERT_RECEIVED) return alert_words(session);
  if (code == GNUTLS_E_DH_PRIME_UNACCEPTABLE) return "TLS failed: " + prime_words(session);
  const std::string_view known = find_words(codes, code);
  return "TLS failed: " + (known.empty() ? gnutls_words(code) : std::string(known));
}

// Did the two find no version in common?
bool is_about_version(gnutls_session_t session, int code) {
  return code == GNUTLS_E_UNSUPPORTED_VERSION_PACKET ||
         (code == GNUTLS_E_FATAL_ALERT_RECEIVED &&
          gnutls_alert_get(session) == GNUTLS_A_PROTOCOL_VERSION);
}

}  // namespace

Error tls_error(gnutls_session_t session, int code) {
  Cause cause = Cause::tls_failed;
  if (code == GNUTLS_E_MEMORY_ERROR) cause = Cause::internal;
  if (is_about_version(session, code)) cause = Cause::tls_version;
  return {cause, Phase::tls, words_of(session, code), {}};
}

Error short_prime(gnutls_session_t session) {
  return tls_error(session, GNUTLS_E_DH_PRIME_UNACCEPTABLE);
}

}  // namespace sendonce::net
