// Fuzz target: what a server says, on its way into a transcript.
//
// The first byte says in what pieces it is read; the rest is what the server says.  Whatever that
// is, the transcript stays text for people: whole lines of UTF-8, each with its time and speaker,
// no escape sequence, bounded.

#include <algorithm>
#include <string>

#include "base/text.hh"
#include "engine/transcript.hh"
#include "target.hh"

namespace {

void check_line(std::string_view line) {
  fuzz::require(line.find_first_of(std::string_view("\0\r\x1b\x7f", 4)) == std::string_view::npos,
                "no control sequence", line);
  const bool heading = line.substr(0, 2) == "* ";
  fuzz::require(heading || line.substr(12, 4) == " S: " || line.substr(12, 3) == " * ",
                "a time and a speaker", line);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view bytes = fuzz::text_of(data, size).substr(1);
  sendonce::engine::Transcript transcript("Attempt 1");
  const std::size_t step = 1U + data[0];
  for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), step))) {
    transcript.server(bytes.substr(0, step));
  }
  transcript.note("over");
  const std::string all = transcript.text();
  fuzz::require(sendonce::is_utf8(all), "UTF-8");
  fuzz::require(all.size() <= 262144 + 16384, "bounded");
  for (std::string_view rest = all; !rest.empty();) check_line(fuzz::take_line(rest));
  return 0;
}
