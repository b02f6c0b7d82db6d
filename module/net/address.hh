// Host names and literal addresses.
//
// Called by any thread; no I/O.  A host comes as the user wrote it: "mail.example.org",
// "mail.example.org.", "192.0.2.1", "2001:db8::1", "[2001:db8::1]".

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sendonce::net {

/// HOST without the brackets around an address and without the root's final dot.
std::string bare_host(std::string_view host);

/// The 4 or 16 bytes of a literal address in network order; empty if HOST is a name.
std::vector<unsigned char> address_bytes(std::string_view host);

/// The literal address of 4 or 16 BYTES as text; empty for another size.
std::string address_text(const std::vector<unsigned char>& bytes);

}  // namespace sendonce::net
