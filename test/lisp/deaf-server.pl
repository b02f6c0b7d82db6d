#!/usr/bin/perl
# Listens at HOST and takes no connection: its queue is full, so that the kernel drops what else comes,
# as a provider does that blocks a port.  Prints the port; ends with its standard input.
#
#   deaf-server.pl HOST
use strict;
use warnings;
use Socket qw(:DEFAULT SOCK_NONBLOCK);

my $host = inet_aton($ARGV[0]) or die "no such host\n";
socket(my $server, PF_INET, SOCK_STREAM, 0) or die "socket: $!\n";
bind($server, sockaddr_in(0, $host)) or die "bind: $!\n";
listen($server, 0) or die "listen: $!\n";
my ($port) = sockaddr_in(getsockname($server));

my @fillers;
for (1 .. 3) {
    socket(my $filler, PF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0) or die "socket: $!\n";
    connect($filler, sockaddr_in($port, $host));
    push @fillers, $filler;
}
$| = 1;
print "$port\n";
<STDIN>;
