#!/usr/bin/env perl
# Starts test peers for an Emacs that cannot start them itself, since it runs under Wine.
#
#   test/windows/peer-host.pl PEER COMMAND [ARGUMENT...]
#
# COMMAND finds PEER_HOST_PORT in its environment; when it ends, so do this and all peers, with its exit status.
# Who connects sends the options of a peer, one a line, and an empty line; what the peer says comes back.  The
# peer ends, without notice, when the sender has ended its half of the connection; then ours ends.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use POSIX qw(WNOHANG);

my ($peer, @command) = @ARGV;
die "usage: peer-host.pl PEER COMMAND...\n" unless @command;
$SIG{PIPE} = 'IGNORE';
$SIG{CHLD} = sub { };    # ends a select

my $listener = IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1') or die "listen: $!\n";
$ENV{PEER_HOST_PORT} = $listener->sockport;
my $child = fork() // die "fork: $!\n";
if ($child == 0) {
    close $listener;
    exec { $command[0] } @command or die "$command[0]: $!\n";
}

my %guests;    # socket => { socket, text (options so far), pid, from (the peer's output) }

sub start_peer {
    my ($guest) = @_;
    my @options = split /\n/, $guest->{text};
    pipe(my $from, my $output) or die "pipe: $!\n";
    my $pid = fork() // die "fork: $!\n";
    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>&', $output;
        open STDERR, '>&', $output;
        exec { $peer } $peer, grep { $_ ne '--until-eof' } @options or POSIX::_exit(127);
    }
    close $output;
    @$guest{qw(pid from)} = ($pid, $from);
}

sub end_guest {
    my ($guest) = @_;
    if ($guest->{pid}) {
        kill 'KILL', $guest->{pid};
        waitpid $guest->{pid}, 0;
    }
    delete $guests{ $guest->{socket} };
    close $guest->{socket};
}

sub hear_guest {
    my ($guest) = @_;
    my $got = sysread $guest->{socket}, $guest->{text}, 65536, length $guest->{text};
    return end_guest($guest) unless $got;
    start_peer($guest) if !$guest->{pid} && $guest->{text} =~ /\n\n\z/;
}

sub pass_on {
    my ($guest) = @_;
    if (sysread $guest->{from}, my $bytes, 65536) { syswrite $guest->{socket}, $bytes }
    else { delete $guest->{from} }
}

my $status;
until (defined $status) {
    my @all = values %guests;
    my $select = IO::Select->new($listener, map { ($_->{socket}, $_->{from} // ()) } @all);
    my %ready = map { $_ => 1 } $select->can_read(0.5);
    if ($ready{$listener} && (my $socket = $listener->accept)) {
        $guests{$socket} = { socket => $socket, text => '' };
    }
    for my $guest (@all) {
        pass_on($guest) if $guest->{from} && $ready{ $guest->{from} };
        hear_guest($guest) if $ready{ $guest->{socket} };
    }
    $status = $? if waitpid($child, WNOHANG) == $child;
}
end_guest($_) for values %guests;
exit($status & 127 ? 128 + ($status & 127) : $status >> 8);
