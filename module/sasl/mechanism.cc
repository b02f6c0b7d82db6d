// See mechanism.hh.  The rules are data: one row a mechanism, in the order of choice.
//
// PLAIN and LOGIN come before the old hashes: under TLS nobody reads the password, they work
// whatever the server stores, and CRAM-MD5, DIGEST-MD5 and NTLM rest on broken hashes.

#include "sasl/mechanism.hh"

#include <algorithm>
#include <array>

#include "base/text.hh"
#include "sasl/table.hh"

namespace sendonce::sasl {

namespace {

// clang-format off
constexpr std::array<Mechanism, 13> mechanisms = {{
    // name               needs            only                    first  clear  hash   strength
    {"EXTERNAL",           Needs::nothing,  Only::with_certificate, true,  false, false, 80},  // RFC 4422
    {"SCRAM-SHA-256-PLUS", Needs::password, Only::with_binding,     true,  false, true,  70},  // RFC 7677
    {"SCRAM-SHA-1-PLUS",   Needs::password, Only::with_binding,     true,  false, true,  60},  // RFC 5802
    {"SCRAM-SHA-256",      Needs::password, Only::always,           true,  false, true,  50},
    {"SCRAM-SHA-1",        Needs::password, Only::always,           true,  false, true,  40},
    {"PLAIN",              Needs::password, Only::always,           true,  true,  false, 10},  // RFC 4616
    {"LOGIN",              Needs::password, Only::always,           false, true,  false, 10},  // draft-murchison
    {"CRAM-MD5",           Needs::password, Only::always,           false, false, true,  20},  // RFC 2195
    {"DIGEST-MD5",         Needs::password, Only::always,           false, false, true,  25},  // RFC 2831
    {"NTLM",               Needs::password, Only::always,           true,  false, true,  15},  // MS-SMTPNTLM
    {"GSSAPI",             Needs::nothing,  Only::always,           true,  false, false, 75},  // RFC 4752
    {"OAUTHBEARER",        Needs::token,    Only::by_name,          true,  true,  false, 10},  // RFC 7628
    {"XOAUTH2",            Needs::token,    Only::by_name,          true,  true,  false, 10},  // Google, Microsoft
}};
// clang-format on

bool has(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& one) { return ascii_equal(one, name); });
}

bool makes_sense(const Choice& choice, Only only) {
  switch (only) {
    case Only::with_certificate:
      return choice.certificate;
    case Only::with_binding:
      return choice.binding;
    case Only::by_name:
      return !choice.wanted.empty();
    case Only::always:
      return true;
  }
  return false;
}

bool usable(const Choice& choice, const Mechanism& mechanism) {
  return has(choice.offered, mechanism.name) && !has(choice.tried, mechanism.name) &&
         makes_sense(choice, mechanism.only) &&
         (choice.plain_text_allowed || !mechanism.plain_text);
}

}  // namespace

const Mechanism* find_mechanism(std::string_view name) {
  const auto* found = std::find_if(mechanisms.begin(), mechanisms.end(), [&](const Mechanism& one) {
    return ascii_equal(one.name, name);
  });
  return found == mechanisms.end() ? nullptr : found;
}

std::optional<std::string> choose(const Choice& choice) {
  for (const std::string& name : choice.wanted) {
    const Mechanism* mechanism = find_mechanism(name);
    if (mechanism && usable(choice, *mechanism)) return std::string(mechanism->name);
  }
  if (!choice.wanted.empty()) return std::nullopt;
  for (const Mechanism& mechanism : mechanisms) {
    if (usable(choice, mechanism)) return std::string(mechanism.name);
  }
  return std::nullopt;
}

std::vector<std::string> known_mechanisms() {
  std::vector<std::string> names;
  names.reserve(mechanisms.size());
  for (const Mechanism& mechanism : mechanisms) names.emplace_back(mechanism.name);
  return names;
}

Needs needs(std::string_view mechanism) {
  const Mechanism* row = find_mechanism(mechanism);
  return row ? row->needs : Needs::password;
}

int strength(std::string_view mechanism) {
  const Mechanism* row = find_mechanism(mechanism);
  return row ? row->strength : 0;
}

bool checks_stored_hash(std::string_view mechanism) {
  const Mechanism* row = find_mechanism(mechanism);
  return row && row->checks_stored_hash;
}

}  // namespace sendonce::sasl
