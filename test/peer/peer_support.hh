// What most tests of the peer say and hear.

#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "peer_client.hh"
#include "peer_process.hh"

using Strings = std::vector<std::string>;

inline Strings plain(Strings more = {}) {
  more.insert(more.end(), {"--tls", "plain"});
  return more;
}

inline Strings once(Strings more = {}) {
  more.insert(more.end(), {"--sessions", "1"});
  return more;
}

inline constexpr const char* envelope = "MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\n";

inline void greet(PeerClient& client) {
  EXPECT_EQ(client.hear(), "220 peer.test ESMTP sendonce-peer\r\n");
  EXPECT_TRUE(client.ask("EHLO me\r\n").starts_with("250-peer.test greets me\r\n"));
}

inline void give_envelope(PeerClient& client) {
  client.say(envelope);
  EXPECT_EQ(client.hear(), "250 2.1.0 Ok\r\n");
  EXPECT_EQ(client.hear(), "250 2.1.5 Ok\r\n");
}

inline void begin_data(PeerClient& client) {
  greet(client);
  give_envelope(client);
  EXPECT_TRUE(client.ask("DATA\r\n").starts_with("354 "));
}

// Says `content` in pieces of one write each, and the reply to it.
inline std::string send_data(const PeerProcess& peer, const Strings& pieces) {
  PeerClient client(peer.port());
  begin_data(client);
  for (const std::string& piece : pieces) client.say(piece);
  return client.hear();
}
