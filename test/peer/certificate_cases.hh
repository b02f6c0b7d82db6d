// The matrix of certificates: every way that is known to get one wrong, in the manner of badssl,
// and the good ones that must not be taken for such.

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "issue.hh"

namespace peer {

// What clients trust, and who signs.
struct Authorities {
  Authorities();
  std::string trusted_pem() const;

  Issued root;          // trusted
  Issued not_a_ca;      // trusted, but CA:FALSE
  Issued expired_root;  // trusted once
  Issued stranger;      // not trusted
  Issued intermediate;  // signed by root
};

struct Served {
  std::string chain;  // PEM
  std::string key;    // PEM
  std::string ocsp;   // DER; empty: no staple
};

struct Case {
  std::string name;
  bool good;
  std::string host;  // to verify
  std::string word;  // that the fault's text holds; "-" if there is none
  std::function<Served(const Authorities&)> make;
};

const std::vector<Case>& certificate_cases();

}  // namespace peer
