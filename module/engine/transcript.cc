// See transcript.hh.

#include "engine/transcript.hh"

#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <utility>

#include "base/clock.hh"
#include "base/text.hh"

namespace sendonce::engine {

namespace {

std::string formatted(double seconds, const char* format) {
  const auto whole = static_cast<std::time_t>(std::floor(seconds));
  std::tm parts{};
  localtime_r(&whole, &parts);
  std::array<char, 64> text{};
  return {text.data(), std::strftime(text.data(), text.size(), format, &parts)};
}

/// "05:04:18.123"
std::string clock_text(double seconds) {
  const auto thousandths = static_cast<unsigned>((seconds - std::floor(seconds)) * 1000) % 1000U;
  std::array<char, 8> fraction{};
  (void)std::snprintf(fraction.data(), fraction.size(), ".%03u", thousandths);
  return formatted(seconds, "%H:%M:%S") + fraction.data();
}

constexpr std::size_t longest_shown = 2000;

/// UTF-8 as it is, controls and broken bytes quoted.
std::string shown(std::string_view line) {
  const bool clean =
      is_utf8(line) && line.size() <= longest_shown &&
      line.find_first_of(std::string_view("\0\x1b\x7f\r\n", 5)) == std::string_view::npos;
  return clean ? std::string(line) : printable(line, longest_shown);
}

}  // namespace

std::string local_time_text(double seconds) { return formatted(seconds, "%Y-%m-%d %H:%M:%S %z"); }

Transcript::Transcript(std::string_view heading) {
  written_.lock()->text = "* " + std::string(heading) + "\n";
}

void Transcript::append(Written& written, std::string_view mark, std::string_view text) {
  written.text += clock_text(wall_clock()) + " " + std::string(mark) + " " + shown(text) + "\n";
}

void Transcript::add(Written& written, std::string_view mark, std::string_view text) {
  if (written.full) return;
  append(written, mark, text);
  written.full = written.text.size() >= max_size;
  if (written.full)
    written.text += "(what follows is left out: the transcript has grown too long)\n";
}

void Transcript::add_content(Written& written, bool completes) {
  if (written.content == 0) return;
  add(written, "C:",
      "(" + std::to_string(std::exchange(written.content, 0)) + " octets of the message" +
          (completes ? ", to its end)" : ")"));
}

void Transcript::client(std::string_view bytes) {
  auto written = written_.lock();
  add_content(*written, false);
  while (!bytes.empty()) {
    const std::string_view line = bytes.substr(0, bytes.find("\r\n"));
    bytes.remove_prefix(std::min(bytes.size(), line.size() + 2));
    add(*written, "C:", line);
  }
}

void Transcript::client_content(std::uint64_t octets, bool completes) {
  auto written = written_.lock();
  written->content += octets;
  if (completes) add_content(*written, true);
}

void Transcript::server(std::string_view bytes) {
  auto written = written_.lock();
  add_content(*written, false);
  for (const char c : bytes) {
    std::string& line = written->server_line;
    line += c;
    if (c == '\n') {
      add_server_line(*written, 0);
    } else if (line.size() >= longest_shown) {
      add_server_line(*written, redactor_ ? redactor_->unfinished(line) : 0);
    }
  }
}

/// KEPT octets at its end are not shown yet: a secret may have begun there.
void Transcript::add_server_line(Written& written, std::size_t kept) {
  std::string line = std::exchange(written.server_line, {});
  if (kept < line.size()) {
    written.server_line = line.substr(line.size() - kept);
    line.resize(line.size() - kept);
  }
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
  add(written, "S:", redactor_ ? redactor_->redact(line) : line);
}

void Transcript::redact_again() {
  auto written = written_.lock();
  if (redactor_) written->text = redactor_->redact(written->text);
}

void Transcript::note(std::string_view text) {
  auto written = written_.lock();
  add_content(*written, false);
  if (!written->server_line.empty()) add_server_line(*written, 0);
  append(*written, "*",
         text);  // our own notes are few: told even after a dialogue too long to show
}

std::string Transcript::text() { return written_.lock()->text; }

}  // namespace sendonce::engine
