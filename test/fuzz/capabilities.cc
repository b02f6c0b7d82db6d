// Fuzz target: the reply to EHLO, as Capabilities reads it.  The input is its lines.
//
// What it says of the mechanisms can go into AUTH as it stands, none twice, and not too many; and
// to read the same reply again gives the same.

#include <algorithm>
#include <string>
#include <vector>

#include "smtp/address.hh"
#include "smtp/capabilities.hh"
#include "target.hh"

namespace {

using sendonce::smtp::Capabilities;
using sendonce::smtp::MechanismName;
using sendonce::smtp::Reply;

Reply reply_of(std::string_view text) {
  Reply reply{250, {"mail.example"}};
  while (!text.empty()) reply.lines.emplace_back(fuzz::take_line(text));
  return reply;
}

void check(const Capabilities& all) {
  fuzz::require(all.esmtp, "EHLO was understood");
  fuzz::require(all.mechanisms.size() <= 64, "few mechanisms");
  fuzz::require(all.size || all.size_limit == 0, "a limit only with SIZE");
  auto sorted = all.mechanisms;
  std::sort(sorted.begin(), sorted.end());
  fuzz::require(std::unique(sorted.begin(), sorted.end()) == sorted.end(), "no mechanism twice");
  for (const std::string& name : all.mechanisms) {
    const auto parsed = MechanismName::parse(name);
    fuzz::require(parsed && parsed->text() == name, "a mechanism that AUTH can name", name);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Reply reply = reply_of(fuzz::text_of(data, size));
  const Capabilities all = Capabilities::parse(reply);
  check(all);
  const Capabilities again = Capabilities::parse(reply);
  fuzz::require(all.mechanisms == again.mechanisms && all.size_limit == again.size_limit,
                "the same reply says the same");
  return 0;
}
