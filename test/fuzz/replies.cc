// Fuzz target: what a server says, through the ReplyParser.
//
// However the bytes are cut into pieces, the same replies come out, and it breaks or it does not.
// The first byte of the input says how to cut; the rest is what the server says.

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "smtp/reply.hh"
#include "target.hh"

namespace {

using sendonce::smtp::Reply;
using sendonce::smtp::ReplyParser;

struct Heard {
  std::vector<Reply> replies;
  bool broken = false;
};

void check(const Reply& reply) {
  fuzz::require(reply.code >= 200 && reply.code < 560, "a code of RFC 5321");
  fuzz::require(!reply.lines.empty(), "a reply has lines");
  std::size_t octets = 0;
  for (const std::string& line : reply.lines) {
    octets += line.size();
    fuzz::require(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos,
                  "a line has no line end in it", line);
  }
  fuzz::require(octets <= ReplyParser::max_reply, "a reply is bounded");
  const std::string summary = reply.summary();
  fuzz::require(summary.size() <= octets + 32 + reply.lines.size(), "a summary says no more");
}

/// Takes all that the parser has; false when it is broken, as it then has to stay.
bool take_all(ReplyParser& parser, Heard& heard) {
  for (;;) {
    auto reply = parser.next();
    if (!reply) {
      fuzz::require(reply.error().cause == sendonce::Cause::protocol, "the cause is the protocol");
      fuzz::require(!fuzz::has_control(reply.error().reply), "what was read is quoted");
      return false;
    }
    if (!reply->has_value()) return true;
    check(**reply);
    heard.replies.push_back(std::move(**reply));
  }
}

/// The pieces have STEP octets each, and then STEP + 1, ...; 0: one piece.
Heard hear(std::string_view bytes, std::size_t step) {
  ReplyParser parser;
  Heard heard;
  for (std::size_t length = step == 0 ? bytes.size() : step; !bytes.empty(); ++length) {
    parser.feed(bytes.substr(0, length));
    bytes.remove_prefix(std::min(bytes.size(), length));
    if (heard.broken) fuzz::require(!take_all(parser, heard), "broken for good");
    heard.broken = heard.broken || !take_all(parser, heard);
    if (step == 1) length = 0;
  }
  return heard;
}

void expect_same(const Heard& a, const Heard& b) {
  fuzz::require(a.broken == b.broken, "breaks however it is cut");
  fuzz::require(a.replies.size() == b.replies.size(), "as many replies however it is cut");
  for (std::size_t i = 0; i < a.replies.size(); ++i) {
    fuzz::require(
        a.replies[i].code == b.replies[i].code && a.replies[i].lines == b.replies[i].lines,
        "the same reply however it is cut");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes = fuzz::text_of(data, size).substr(1);
  const Heard whole = hear(bytes, 0);
  expect_same(whole, hear(bytes, 1));
  expect_same(whole, hear(bytes, 2U + data[0] % 61U));
  return 0;
}
