// The command line of sendonce-peer, parsed once in main() and read-only afterwards.

#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace peer {

enum class TlsMode { implicit, starttls, plain };
enum class CertFault { none, expired, not_yet, wrong_host, self_signed, untrusted };

struct Options {
  std::filesystem::path dir;
  std::filesystem::path scenario;
  TlsMode tls = TlsMode::implicit;
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::string greeting_name = "peer.test";
  bool chunking = true;
  bool pipelining = true;
  bool eight_bit_mime = true;
  bool smtp_utf8 = true;
  bool enhanced = true;
  bool helo_only = false;
  std::uint64_t size = 268435456;
  std::string auth;  // mechanisms, apart by spaces; empty: AUTH is not offered
  std::map<std::string, std::string> users;
  bool require_auth = false;
  std::string digest_qop = "auth";
  std::string tls_host = "localhost";
  std::string tls_versions = "NORMAL";
  CertFault cert_fault = CertFault::none;
  std::filesystem::path cert;       // PEM, chain and then key; empty: one of our own making
  std::filesystem::path ocsp;       // DER to staple; empty: none
  std::filesystem::path client_ca;  // PEM; empty: no client certificate is asked for
  bool client_optional = false;
  std::uint64_t sessions = 0;  // 0: no limit
  unsigned delay_ms = 0;
  bool record = false;
  bool until_eof = false;
  bool sync = true;
  bool help = false;
};

// Throws std::invalid_argument with a sentence for the user.
Options parse_options(int argc, char** argv);

std::string usage();

}  // namespace peer
