// Adds a certificate to those that the user of this Windows trusts, or takes it out again.
//
//   windows-store add|remove FILE      FILE: PEM
//
// For tests under Wine only: Windows itself would ask whether that is meant.

// In this order.
// clang-format off
#include <windows.h>
#include <wincrypt.h>
// clang-format on

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

using Bytes = std::vector<BYTE>;

Bytes read_pem(const char* name) {
  std::ifstream in(name);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  const auto length = static_cast<DWORD>(text.size());
  DWORD size = 0;
  if (::CryptStringToBinaryA(text.data(), length, CRYPT_STRING_BASE64HEADER, nullptr, &size,
                             nullptr, nullptr) == 0)
    return {};
  Bytes bytes(size);
  ::CryptStringToBinaryA(text.data(), length, CRYPT_STRING_BASE64HEADER, bytes.data(), &size,
                         nullptr, nullptr);
  bytes.resize(size);
  return bytes;
}

bool remove_from(HCERTSTORE store, PCCERT_CONTEXT certificate) {
  const PCCERT_CONTEXT found = ::CertFindCertificateInStore(
      store, X509_ASN_ENCODING, 0, CERT_FIND_EXISTING, certificate, nullptr);
  return found != nullptr && ::CertDeleteCertificateFromStore(found) != 0;
}

// The part of the store that is the user's own and in the registry: what is removed from the whole
// comes back under Wine.
bool change(const std::string& what, PCCERT_CONTEXT certificate) {
  const HCERTSTORE store = ::CertOpenStore(CERT_STORE_PROV_SYSTEM_REGISTRY_W, 0, 0,
                                           CERT_SYSTEM_STORE_CURRENT_USER, L"ROOT");
  if (store == nullptr) return false;
  const bool done = what == "remove"
                        ? remove_from(store, certificate)
                        : ::CertAddCertificateContextToStore(
                              store, certificate, CERT_STORE_ADD_REPLACE_EXISTING, nullptr) != 0;
  return ::CertCloseStore(store, 0) != 0 && done;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  const Bytes der = read_pem(arguments[2]);
  const PCCERT_CONTEXT certificate =
      ::CertCreateCertificateContext(X509_ASN_ENCODING, der.data(), static_cast<DWORD>(der.size()));
  if (certificate == nullptr || !change(arguments[1], certificate)) {
    std::printf("%s: error %lu\n", arguments[1], ::GetLastError());
    return 1;
  }
  ::CertFreeCertificateContext(certificate);
  return 0;
}
