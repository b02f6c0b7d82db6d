#include "reply.hh"

namespace peer {

std::string wire(const Reply& reply, bool enhanced) {
  const std::string code = std::to_string(reply.code);
  const std::string status = enhanced && !reply.enhanced.empty() ? reply.enhanced + " " : "";
  std::string bytes;
  std::size_t start = 0;
  for (;;) {
    const std::size_t end = reply.text.find('\n', start);
    const bool last = end == std::string::npos;
    bytes.append(code).append(last ? " " : "-").append(status);
    bytes.append(reply.text, start, end - start).append("\r\n");
    if (last) return bytes;
    start = end + 1;
  }
}

}  // namespace peer
