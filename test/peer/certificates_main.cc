// sendonce-certificates DIRECTORY: writes the matrix of certificates.
//
// DIRECTORY/ca.pem is what clients trust.  Each case has DIRECTORY/NAME.pem, chain and then key as
// `sendonce-peer --cert` takes them, and NAME.ocsp if the server staples.  DIRECTORY/index has a
// line a case: "NAME good|bad HOST WORD", where HOST is to be verified and WORD is in the text of
// the fault ("-": none).

#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>

#include "certificate_cases.hh"

namespace {

using namespace peer;
namespace fs = std::filesystem;

void save(const fs::path& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

std::string index_line(const Case& made) {
  return made.name + (made.good ? " good " : " bad ") + made.host + " " + made.word + "\n";
}

void write_case(const fs::path& directory, const Case& wanted, const Authorities& authorities) {
  const Served served = wanted.make(authorities);
  save(directory / (wanted.name + ".pem"), served.chain + served.key);
  if (!served.ocsp.empty()) save(directory / (wanted.name + ".ocsp"), served.ocsp);
}

void write_all_cases(const fs::path& directory) {
  fs::create_directories(directory);
  const Authorities authorities;
  save(directory / "ca.pem", authorities.trusted_pem());
  std::string index;
  for (const Case& wanted : certificate_cases()) {
    write_case(directory, wanted, authorities);
    index += index_line(wanted);
  }
  save(directory / "index", index);  // last: whoever finds it finds all
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: sendonce-certificates DIRECTORY\n";
    return 2;
  }
  try {
    write_all_cases(argv[1]);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "sendonce-certificates: " << error.what() << "\n";
    return 1;
  }
}
