#include "options.hh"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <limits>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "scenario.hh"

namespace peer {
namespace {

using Words = std::vector<std::string>;

constexpr std::string_view auth_help = R"help(Signing in
  Mechanisms for --auth, apart by spaces: PLAIN LOGIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256
  SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS (bound to tls-exporter in TLS 1.3, else to tls-unique)
  EXTERNAL (good if the client has shown a certificate) XOAUTH2 OAUTHBEARER (the token is the
  password of --user; with a wrong one 334 and JSON come before the 535).  Others may be offered,
  and are answered with 504.  With --tls starttls AUTH is offered after the handshake only.
  A client that answers DIGEST-MD5 with qop=auth-int or auth-conf gets 235, whatever its response
  is, and at its next command the line is dropped: the peer has no security layer.
)help";

[[noreturn]] void fail(const std::string& why) { throw std::invalid_argument(why); }

template <typename T>
T number(const std::string& text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) fail("not a number: " + text);
  return value;
}

TlsMode tls_mode(const std::string& text) {
  if (text == "implicit") return TlsMode::implicit;
  if (text == "starttls") return TlsMode::starttls;
  if (text == "plain") return TlsMode::plain;
  fail("--tls takes implicit, starttls or plain, not " + text);
}

CertFault cert_fault(const std::string& text) {
  static const std::map<std::string, CertFault> faults = {{"none", CertFault::none},
                                                          {"expired", CertFault::expired},
                                                          {"not-yet", CertFault::not_yet},
                                                          {"wrong-host", CertFault::wrong_host},
                                                          {"self-signed", CertFault::self_signed},
                                                          {"untrusted", CertFault::untrusted}};
  const auto found = faults.find(text);
  if (found == faults.end()) fail("unknown --cert-fault " + text);
  return found->second;
}

void add_user(Options& options, const std::string& text) {
  const auto colon = text.find(':');
  if (colon == std::string::npos) fail("--user takes NAME:PASSWORD");
  options.users[text.substr(0, colon)] = text.substr(colon + 1);
  if (options.auth.empty()) options.auth = "PLAIN LOGIN";
}

void read_config(Options& options, const std::string& path);

struct Option {
  std::string_view name;
  std::string_view argument;  // empty: a flag
  std::string_view help;
  void (*set)(Options&, const std::string&);
};

// clang-format off
constexpr std::array option_table = {
    Option{"--dir", "DIR", "where all that it writes goes (must be given)",
           [](Options& o, const std::string& v) { o.dir = v; }},
    Option{"--config", "FILE", "read options from FILE: one a line, without the dashes",
           [](Options& o, const std::string& v) { read_config(o, v); }},
    Option{"--scenario", "FILE", "rules, read anew for each connection; see below",
           [](Options& o, const std::string& v) { o.scenario = v; }},
    Option{"--tls", "MODE", "implicit (default), starttls or plain",
           [](Options& o, const std::string& v) { o.tls = tls_mode(v); }},
    Option{"--host", "ADDRESS", "address to listen at (127.0.0.1)",
           [](Options& o, const std::string& v) { o.host = v; }},
    Option{"--port", "N", "0 (default) takes a free one; written to DIR/port",
           [](Options& o, const std::string& v) { o.port = number<std::uint16_t>(v); }},
    Option{"--greeting-name", "NAME", "the server's name for itself (peer.test)",
           [](Options& o, const std::string& v) { o.greeting_name = v; }},
    Option{"--no-chunking", "", "do not offer CHUNKING",
           [](Options& o, const std::string&) { o.chunking = false; }},
    Option{"--no-pipelining", "", "do not offer PIPELINING",
           [](Options& o, const std::string&) { o.pipelining = false; }},
    Option{"--no-8bitmime", "", "do not offer 8BITMIME",
           [](Options& o, const std::string&) { o.eight_bit_mime = false; }},
    Option{"--no-smtputf8", "", "do not offer SMTPUTF8",
           [](Options& o, const std::string&) { o.smtp_utf8 = false; }},
    Option{"--no-enhanced", "", "no enhanced status codes",
           [](Options& o, const std::string&) { o.enhanced = false; }},
    Option{"--helo-only", "", "answer EHLO with 502",
           [](Options& o, const std::string&) { o.helo_only = true; }},
    Option{"--size", "N", "largest message in octets (268435456); 0: offer no SIZE, no limit",
           [](Options& o, const std::string& v) { o.size = number<std::uint64_t>(v); }},
    Option{"--user", "NAME:PASSWORD", "an account; may be repeated",
           [](Options& o, const std::string& v) { add_user(o, v); }},
    Option{"--auth", "MECHANISMS", "what AUTH offers (\"PLAIN LOGIN\" if there is a --user); see below",
           [](Options& o, const std::string& v) { o.auth = v; }},
    Option{"--digest-qop", "OFFER", "what DIGEST-MD5 offers (auth); e.g. auth,auth-int,auth-conf",
           [](Options& o, const std::string& v) { o.digest_qop = v; }},
    Option{"--require-auth", "", "530 to MAIL before a sign-in",
           [](Options& o, const std::string&) { o.require_auth = true; }},
    Option{"--tls-host", "NAME", "name in the certificate (localhost); 127.0.0.1 and ::1 besides",
           [](Options& o, const std::string& v) { o.tls_host = v; }},
    Option{"--tls-versions", "PRIORITY", "GnuTLS priority string (NORMAL)",
           [](Options& o, const std::string& v) { o.tls_versions = v; }},
    Option{"--cert-fault", "FAULT", "expired, not-yet, wrong-host, self-signed or untrusted",
           [](Options& o, const std::string& v) { o.cert_fault = cert_fault(v); }},
    Option{"--cert", "FILE", "PEM to show as it is, chain and then key; see sendonce-certificates",
           [](Options& o, const std::string& v) { o.cert = v; }},
    Option{"--ocsp", "FILE", "DER of an OCSP response to staple, however wrong (with --cert)",
           [](Options& o, const std::string& v) { o.ocsp = v; }},
    Option{"--client-ca", "FILE", "demand a client certificate, signed by one in the PEM FILE",
           [](Options& o, const std::string& v) { o.client_ca = v; }},
    Option{"--client-optional", "", "ask for it, and go on if there is none",
           [](Options& o, const std::string&) { o.client_optional = true; }},
    Option{"--delay", "MS", "wait before each group of replies: a crude round trip",
           [](Options& o, const std::string& v) { o.delay_ms = number<unsigned>(v); }},
    Option{"--sessions", "N", "exit after N connections have ended",
           [](Options& o, const std::string& v) { o.sessions = number<std::uint64_t>(v); }},
    Option{"--record", "", "keep DIR/dialogue-N.in and .out, the decrypted bytes, secrets too",
           [](Options& o, const std::string&) { o.record = true; }},
    Option{"--until-eof", "", "exit when standard input ends",
           [](Options& o, const std::string&) { o.until_eof = true; }},
    Option{"--no-sync", "", "no fsync for the ledger (for speed; a kill -9 is still survived)",
           [](Options& o, const std::string&) { o.sync = false; }},
    Option{"--help", "", "this text", [](Options& o, const std::string&) { o.help = true; }},
};
// clang-format on

const Option& find_option(const std::string& name) {
  for (const Option& option : option_table) {
    if (option.name == name) return option;
  }
  fail("unknown option " + name);
}

void take_words(Options& options, const Words& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const Option& option = find_option(words[i]);
    if (option.argument.empty()) {
      option.set(options, {});
      continue;
    }
    if (++i == words.size()) fail(std::string(option.name) + " takes an argument");
    option.set(options, words[i]);
  }
}

void read_config(Options& options, const std::string& path) {
  std::ifstream file(path);
  if (!file) fail("cannot read " + path);
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    const auto space = line.find(' ');
    Words words{"--" + line.substr(0, space)};
    if (space != std::string::npos) words.push_back(line.substr(space + 1));
    take_words(options, words);
  }
}

}  // namespace

Options parse_options(int argc, char** argv) {
  Options options;
  take_words(options, Words(argv + 1, argv + argc));
  if (!options.help && options.dir.empty()) fail("--dir DIR must be given; see --help");
  return options;
}

std::string usage() {
  std::string text = "usage: sendonce-peer --dir DIR [OPTION ...]\n\nA scriptable SMTP server.\n\n";
  for (const Option& option : option_table) {
    std::string left = "  " + std::string(option.name) + " " + std::string(option.argument);
    left.resize(std::max<std::size_t>(left.size(), 26), ' ');
    text += left + " " + std::string(option.help) + "\n";
  }
  return text + "\n" + std::string(auth_help) + "\n" + std::string(scenario_help());
}

}  // namespace peer
