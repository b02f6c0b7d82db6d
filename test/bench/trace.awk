# Counts calls on TCP sockets in what `strace -f -yy' wrote, between two marks; sourced by no one, run by calls.sh.
#
#   awk -v from=begin-2 -v to=end-2 -f trace.awk TRACE      without FROM: all of it
#
# Prints CALLS SENDS RECEIVES WAITS EAGAINS; calls are all that name such a socket.  With -v idle=1 it prints how
# often a thread came back from a call between the marks, not counting the one that marks.

function returned(line) { # strace splits a call that another thread interrupts in two lines: joins them
  if (line ~ / <unfinished \.\.\.>$/) {
    sub(/ <unfinished \.\.\.>$/, "", line)
    begun[$1] = line
    return ""
  }
  if (line ~ /<\.\.\. [a-z0-9_]+ resumed>/) {
    sub(/^.* resumed>/, "", line)
    line = begun[$1] line
    delete begun[$1]
  }
  return line
}

function has(text) { return index($0, "/bench-mark/" text "\"") > 0 }

BEGIN { counting = from == "" }
from != "" && has(from) { counting = 1; marker = $1; next }
to != "" && has(to) { counting = 0 }
{
  line = returned($0)
  if (line == "" || !counting) next
  if (idle && $1 != marker && line ~ / = /) woken++
  if (idle && $1 == marker && line ~ / (p?poll|pselect6|select)\(/ && line !~ /Timeout/) woken++
  if (line !~ /<TCP(v6)?:\[/) next
  calls++
  if (line ~ / (send|sendto|sendmsg|sendmmsg|write|writev)\(/) sends++
  if (line ~ / (recv|recvfrom|recvmsg|read|readv)\(/) receives++
  if (line ~ / (poll|ppoll|select|pselect6|epoll_wait|epoll_pwait)\(/) waits++
  if (line ~ / EAGAIN /) again++
}
END { if (idle) print woken + 0; else print calls + 0, sends + 0, receives + 0, waits + 0, again + 0 }
