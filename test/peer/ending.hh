// How a connection ends, and the exception that carries it.
//
// Whatever stops a dialogue (QUIT, a scenario's verb, a cut, the client's own close) is thrown as
// an End from the connection's thread and caught once, in server.cc, which then carries it out.

#pragma once

#include <string>

namespace peer {

enum class Ending {
  gone,         // the client has closed already: just close
  drop,         // FIN, without TLS close_notify
  drop_notify,  // close_notify, then FIN
  reset,        // RST
  stall,        // neither read nor write until the client closes
  swallow,      // read and forget, never write, until the client closes
};

struct End {
  Ending how;
  std::string reason;
};

}  // namespace peer
