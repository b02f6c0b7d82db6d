// Fuzz target: an account's settings text.  The input is that text.
//
// Refused with a sentence, or understood; what is understood holds no control character, and says
// the same when it is written out and read again.

#include <string>
#include <vector>

#include "engine/settings.hh"
#include "target.hh"

namespace {

using sendonce::engine::Settings;

void check_text(const std::string& text) {
  fuzz::require(!fuzz::has_control(text), "no control character in a setting", text);
}

void check(const Settings& settings) {
  fuzz::require(!settings.host.empty() && settings.port != 0, "host and port are known");
  for (const std::string* text : {&settings.host, &settings.user, &settings.tls_host,
                                  &settings.priority, &settings.local_name.text()}) {
    check_text(*text);
  }
  for (const std::string& file : settings.trust_files) check_text(file);
  for (const std::string& name : settings.mechanisms) {
    fuzz::require(sendonce::smtp::MechanismName::parse(name).has_value(), "a mechanism", name);
  }
  fuzz::require(sendonce::smtp::LocalName::parse(settings.local_name.text()).has_value(),
                "a local name", settings.local_name.text());
}

std::string written(const Settings& settings) {
  std::string text = "host=" + settings.host + "\nport=" + std::to_string(settings.port) + "\n";
  if (!settings.user.empty()) text += "user=" + settings.user + "\n";
  text += "local-name=" + settings.local_name.text() + "\n";
  for (const std::string& name : settings.mechanisms) text += "auth=" + name + "\n";
  return text;
}

void expect_same(const Settings& a, const Settings& b) {
  fuzz::require(a.host == b.host && a.port == b.port && a.user == b.user &&
                    a.mechanisms == b.mechanisms && a.local_name.text() == b.local_name.text(),
                "the same when read again");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto settings = Settings::parse(fuzz::text_of(data, size));
  if (!settings) {
    fuzz::require(settings.error().cause == sendonce::Cause::bad_argument, "the cause");
    check_text(settings.error().message);
    fuzz::require(settings.error().message.size() < 1000, "a sentence, no more");
    return 0;
  }
  check(*settings);
  const auto again = Settings::parse(written(*settings));
  fuzz::require(again.has_value(), "what was read can be written");
  expect_same(*settings, *again);
  return 0;
}
