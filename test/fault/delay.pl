#!/usr/bin/env perl
# A long line: relays TCP on the loopback interface and holds every byte back, in both directions, so that
# a round trip takes as long as to a far server.  (Only the handshake of TCP itself is not delayed.)
#
#   test/fault/delay.pl TARGET-PORT ROUND-TRIP-MS COMMAND [ARGUMENT...]
#
# COMMAND finds DELAY_PORT in its environment; when it ends, so does the relay, with its exit status.  With
# DELAY_SPLIT=SEED in the environment, whatever comes in is cut at random into pieces of 1 to 200 bytes, each a
# packet of its own, up to 3 ms after the one before.
use strict;
use warnings;
use IO::Socket::INET;
use POSIX qw(WNOHANG);
use Socket qw(IPPROTO_TCP TCP_NODELAY SHUT_WR);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my ($target, $round_trip, @command) = @ARGV;
die "usage: delay.pl TARGET-PORT ROUND-TRIP-MS COMMAND...\n" unless @command;
my $one_way = $round_trip / 2000;
my $split = $ENV{DELAY_SPLIT};
srand($split) if defined $split;
$SIG{PIPE} = 'IGNORE';
$SIG{CHLD} = sub { };    # ends a select

my $listener = IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1') or die "listen: $!\n";
$ENV{DELAY_PORT} = $listener->sockport;
my $child = fork() // die "fork: $!\n";
if ($child == 0) {
    exec { $command[0] } @command or die "$command[0]: $!\n";
}

# A way is one direction of one connection: bytes read from {in} wait in {queue} as [due, bytes], undef for
# the end, until they are written to {out}.
my @ways;

sub connect_through {
    my $near = $listener->accept or return;
    my $far = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$target");
    if (!$far) { close $near; return }
    for ($near, $far) { $_->blocking(0); setsockopt($_, IPPROTO_TCP, TCP_NODELAY, 1) }
    push @ways, { in => $near, out => $far, queue => [], open => 1 },
        { in => $far, out => $near, queue => [], open => 1 };
}

sub take {
    my ($way, $now) = @_;
    my $got = sysread($way->{in}, my $bytes, 65536);
    return if !defined $got && $!{EAGAIN};
    $way->{open} = 0 unless $got;
    my $due = $now + $one_way;
    for my $piece ($got ? pieces($bytes) : undef) {
        $due = $way->{last} if defined $way->{last} && $way->{last} > $due;
        $due += rand(0.003) if defined $split;
        push @{ $way->{queue} }, [ $way->{last} = $due, $piece ];
    }
}

sub pieces {
    my ($bytes) = @_;
    return $bytes unless defined $split;
    my @pieces;
    push @pieces, substr($bytes, 0, 1 + int(rand(200)), '') while $bytes ne '';
    return @pieces;
}

sub pass_on {
    my ($way) = @_;
    my $first = $way->{queue}[0];
    my $written = defined $first->[1] ? syswrite($way->{out}, $first->[1]) : 0;
    return if !defined $written && $!{EAGAIN};
    if (!defined $first->[1] || !defined $written) {
        shutdown($way->{out}, SHUT_WR);
        $way->{queue} = [];
        $way->{done} = 1 unless $way->{open};
        return;
    }
    substr($first->[1], 0, $written) = '';
    shift @{ $way->{queue} } if $first->[1] eq '';
}

sub due { my ($way, $now) = @_; return @{ $way->{queue} } && $way->{queue}[0][0] <= $now }

my $status;
until (defined $status) {
    my $now = clock_gettime(CLOCK_MONOTONIC);
    my ($read, $write, $wait) = ('', '', 0.2);
    vec($read, fileno $listener, 1) = 1;
    for my $way (@ways) {
        vec($read, fileno $way->{in}, 1) = 1 if $way->{open};
        next unless @{ $way->{queue} };
        my $left = $way->{queue}[0][0] - $now;
        if ($left <= 0) { vec($write, fileno $way->{out}, 1) = 1 }
        elsif ($left < $wait) { $wait = $left }
    }
    if (select($read, $write, undef, $wait) > 0) {
        $now = clock_gettime(CLOCK_MONOTONIC);
        connect_through() if vec($read, fileno $listener, 1);
        for my $way (@ways) {
            take($way, $now) if $way->{open} && vec($read, fileno $way->{in}, 1);
            pass_on($way) if due($way, $now) && vec($write, fileno $way->{out}, 1);
        }
    }
    @ways = grep { !$_->{done} } @ways;
    $status = $? if waitpid($child, WNOHANG) == $child;
}
exit($status & 127 ? 128 + ($status & 127) : $status >> 8);
