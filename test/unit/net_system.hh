// What the tests of net/ ask of the system beyond net/ itself.  Files of the same name in posix/
// and windows/ carry it out.  Errors throw.

#pragma once

#include <string>
#include <vector>

#include "net/descriptor.hh"

namespace sendonce::net::test {

/// The system's last error in words.
std::string last_error();

void set_blocking(const Descriptor& socket, bool blocking);
/// A stream socket of IPv4, blocking, that nobody inherits.
Descriptor make_socket();
/// Blocking, that nobody inherits.
Descriptor accept_one(const Descriptor& listener);
/// Two sockets connected to each other, blocking.
std::vector<Descriptor> make_pair();

/// What SO_SNDBUF and SO_RCVBUF are set to for a socket that is soon full, and yet works.
int small_buffer();
/// Is a line that is closed with SO_LINGER and no time reset, as it should be?
bool can_reset();

/// Runs a program, found on PATH, without its output: did it end well?
bool runs(std::vector<std::string> words);

/// How many of the signals that matter this thread would take.
int count_unblocked_signals();

}  // namespace sendonce::net::test
