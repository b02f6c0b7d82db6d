// See checkup.hh.

#include "engine/checkup.hh"

#include <algorithm>
#include <array>
#include <utility>

#include "base/clock.hh"

namespace sendonce::engine {

namespace {

// The order of the way; an error belongs to one, and all before it went well.
constexpr std::array<std::string_view, 8> steps = {"account", "resolve", "connect", "greeting",
                                                   "tls",     "trust",   "hello",   "sign-in"};

std::string_view step_of(const Error& error) {
  if (error.cause == Cause::certificate) return "trust";
  switch (error.phase) {
    case Phase::resolve:
      return "resolve";
    case Phase::connect:
      return "connect";
    case Phase::greeting:
      return "greeting";
    case Phase::starttls:
    case Phase::tls:
      return "tls";
    case Phase::hello:
      return "hello";
    case Phase::sign_in:
      return "sign-in";
    default:
      return "account";
  }
}

void add(std::string& text, bool offered, const std::string& word) {
  if (offered) text += (text.empty() ? "" : " ") + word;
}

}  // namespace

Result<std::shared_ptr<Checkup>> Checkup::make(Surroundings surroundings, EntryId number,
                                               std::string settings) {
  auto wake = net::Wake::make();
  if (!wake) return fail(wake.error());
  return std::shared_ptr<Checkup>(
      new Checkup(std::move(surroundings), number, std::move(settings), std::move(*wake)));
}

Checkup::Checkup(Surroundings surroundings, EntryId number, std::string settings, net::Wake wake)
    : surroundings_(std::move(surroundings)),
      number_(number),
      text_(std::move(settings)),
      wake_(std::make_shared<net::Wake>(std::move(wake))),
      transcript_("Checkup, " + local_time_text(wall_clock())) {}

void Checkup::cancel() {
  cancelled_ = true;
  wake_->wake();
  surroundings_.questions.interrupt();
}

void Checkup::run() {
  const Status status = reach();
  report(status);
  if (approach_) approach_->wipe();
  if (status) approach_->dialogue().part();
  surroundings_.sink.post(CheckEnded{number_, transcript_.text()});
}

Status Checkup::reach() {
  auto settings = Settings::parse(text_);
  if (!settings) return fail(settings.error());
  settings_ = std::move(*settings);
  approach_.emplace(surroundings_,
                    Errand{number_, wake_, cancelled_, transcript_,
                           [this](Phase phase, std::uint64_t) {
                             surroundings_.sink.post(Progress{number_, phase, 0, 0, {}});
                           }},
                    settings_);
  return approach_->reach();
}

void Checkup::report(const Status& status) {
  const std::string_view failed = status ? std::string_view() : step_of(status.error());
  for (const std::string_view step : steps) {
    if (step == failed)
      return surroundings_.sink.post(CheckStep{number_, std::string(step), {}, status.error()});
    surroundings_.sink.post(CheckStep{number_, std::string(step), found(step), std::nullopt});
  }
}

std::string Checkup::found(std::string_view step) const {
  if (step == "account") return settings_.server();
  if (!approach_ || !approach_->has_line()) return {};
  if (step == "resolve" || step == "connect") return approach_->dialogue().line().peer();
  if (step == "tls") return found_tls();
  if (step == "trust") return found_trust();
  if (step == "hello") return found_hello();
  if (step == "sign-in") return approach_->mechanism();
  return {};
}

std::string Checkup::found_tls() const {
  const net::TlsInfo* info = approach_->dialogue().line().tls_info();
  return info ? info->version + ", " + info->cipher : std::string();
}

std::string Checkup::found_trust() const {
  const net::TlsInfo* info = approach_->dialogue().line().tls_info();
  if (!info) return {};
  const net::CertificateInfo& own = info->certificate;
  std::string text = own.subject + ", issued by " + own.issuer + ", valid until " +
                     local_time_text(static_cast<double>(own.not_after)) + ", key " + own.key_pin;
  for (const std::string& fault : info->faults) text += "; accepted though " + fault;
  return text;
}

std::string Checkup::found_hello() const {
  const smtp::Capabilities& all = approach_->dialogue().session().capabilities();
  std::string text;
  add(text, all.pipelining, "PIPELINING");
  add(text, all.chunking, "CHUNKING");
  add(text, all.eight_bit_mime, "8BITMIME");
  add(text, all.smtputf8, "SMTPUTF8");
  add(text, all.size, "SIZE=" + std::to_string(all.size_limit));
  std::string mechanisms;
  for (const std::string& name : all.mechanisms) add(mechanisms, true, name);
  add(text, all.offers_auth(), "AUTH " + mechanisms);
  return text;
}

}  // namespace sendonce::engine
