// See tls_priority.hh.

#include "net/tls_priority.hh"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "base/text.hh"

namespace sendonce::net {

namespace {

// RFC 8997 and RFC 8314 section 4.1: TLS 1.2 at least, whatever the distribution allows.
constexpr std::string_view no_ssl = "-VERS-SSL3.0";
constexpr std::array<std::string_view, 2> old_versions{"VERS-TLS1.0", "VERS-TLS1.1"};

// What takes away the old versions that PRIORITY does not name itself.
std::string restriction(std::string_view priority) {
  std::string text(no_ssl);
  const std::string named = ascii_upper(priority);
  for (const std::string_view version : old_versions)
    if (named.find(version) == std::string::npos) text.append(":-").append(version);
  return text;
}

std::string without_colons(std::string_view priority) {
  while (priority.ends_with(':')) priority.remove_suffix(1);
  return std::string(priority);
}

tl::unexpected<Error> bad_priority(const std::string& priority, std::size_t at) {
  return fail(Cause::bad_argument, Phase::tls,
              "the TLS priority string is not understood at \"" +
                  printable(std::string_view(priority).substr(std::min(at, priority.size()))) +
                  "\"");
}

Status set_users(gnutls_session_t session, const std::string& priority) {
  const std::string bare = without_colons(priority);
  const std::string whole = bare + ":" + restriction(bare);
  const char* wrong = nullptr;
  const int code = gnutls_priority_set_direct(session, whole.c_str(), &wrong);
  if (code >= 0) return {};
  if (code == GNUTLS_E_NO_PRIORITIES_WERE_SET)
    return fail(Cause::bad_argument, Phase::tls,
                "the TLS priority string leaves no version or no cipher to use: \"" +
                    printable(priority) + "\"");
  return bad_priority(bare, wrong == nullptr ? 0 : whole.size() - std::strlen(wrong));
}

}  // namespace

Status set_priority(gnutls_session_t session, const std::string& priority) {
  if (!priority.empty()) return set_users(session, priority);
  const char* wrong = nullptr;
  const std::string addition = restriction("");
  const int code = gnutls_set_default_priority_append(session, addition.c_str(), &wrong, 0);
  if (code >= 0) return {};
  return bad_priority(wrong == nullptr ? addition : wrong, 0);
}

}  // namespace sendonce::net
