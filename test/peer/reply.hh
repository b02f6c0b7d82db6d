// A reply as the peer means it, and as it goes on the wire.

#pragma once

#include <string>

namespace peer {

struct Reply {
  int code = 250;
  std::string enhanced;  // "2.1.0"; empty: none
  std::string text;      // lines apart by \n
  bool positive() const { return code < 400; }
};

// RFC 5321 4.2.1, multi-line where the text is; with the enhanced code if `enhanced` (RFC 2034).
std::string wire(const Reply& reply, bool enhanced);

}  // namespace peer
