#!/usr/bin/env bash
# No busy loop: at 100 ms round trip, a send makes at most 5 calls on its socket that find nothing (EAGAIN),
# and no poll on it ends by mere passing of time.  (smtpmail.el makes thousands: that is where this
# project comes from.)  Watches a batch Emacs with strace; needs ptrace, and is skipped, saying so, where
# that is forbidden.
#
#   test/fault/eagain.sh TLS-MODE      implicit or starttls; environment as for test/run-ert
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
most=5
round_trip=100
mode=$1

if [[ -z ${DELAY_PORT:-} ]]; then
  if ! command -v strace >/dev/null; then
    echo 'Skipped: there is no strace here (make deps installs it)'
    exit 77
  fi
  if ! refusal=$(strace -o /dev/null true 2>&1); then
    echo "Skipped: strace may not trace here: $refusal"
    exit 77
  fi
  export SEND_USER=aoi SEND_PASSWORD=open-sesame
  # shellcheck disable=SC2016
  exec "$here/../run-with-peer" --tls "$mode" --user "$SEND_USER:$SEND_PASSWORD" --require-auth -- \
    bash -c 'exec perl "$1" "$PEER_PORT" "$2" "$3" "$4"' - "$here/delay.pl" "$round_trip" "$0" "$mode"
fi

scratch=$(mktemp -d "${TMPDIR:-/tmp}/sendonce-eagain.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/home" "$scratch/tmp"
export HOME=$scratch/home TMPDIR=$scratch/tmp SEND_PORT=$DELAY_PORT SEND_TLS=$mode LC_ALL=C.UTF-8
: "${SENDONCE_MODULE_DIR:=$here/../../build}"

# -yy names the ends of each socket, so that ours is known whatever its number.
if ! strace -f -yy -s 8 -ttt -o "$scratch/trace" \
  -e trace=network,read,write,readv,writev,poll,ppoll,select,pselect6,epoll_wait,epoll_pwait \
  "${EMACS:-emacs}" -Q --batch -L "$here/../../lisp" -L "$SENDONCE_MODULE_DIR" \
  -l "$here/send-one.el" -f send-one >"$scratch/output" 2>&1 </dev/null; then
  cat "$scratch/output"
  echo 'The send failed.'
  exit 1
fi

socket="->127.0.0.1:$DELAY_PORT]>"
count() { # PATTERN...: lines about our socket that match all of them
  awk -v socket="$socket" -v patterns="$*" '
    BEGIN { n = split(patterns, pattern, " ") }
    index($0, socket) {
      for (i = 1; i <= n; i++) if ($0 !~ pattern[i]) next
      found++
    }
    END { print found + 0 }' "$scratch/trace"
}

# strace splits a call that another thread interrupts in two lines; the second has no socket but the call.
joined=$scratch/joined
awk '
  / <unfinished \.\.\.>$/ { sub(/ <unfinished \.\.\.>$/, ""); open[$1] = $0; next }
  / <\.\.\. [a-z0-9_]+ resumed>/ && ($1 in open) {
    rest = $0; sub(/^.* resumed>/, "", rest); print open[$1] rest; delete open[$1]; next
  }
  { print }' "$scratch/trace" >"$joined"
mv "$joined" "$scratch/trace"

calls=$(count '^')
sends=$(count ' (send|sendto|sendmsg|write|writev)[(]')
receives=$(count ' (recv|recvfrom|recvmsg|read|readv)[(]')
polls=$(count ' (poll|ppoll|select|pselect6|epoll_wait|epoll_pwait)[(]')
idle=$(count ' (poll|ppoll|select|pselect6|epoll_wait|epoll_pwait)[(]' 'Timeout')
eagain=$(count 'EAGAIN')
elapsed=$(awk -v socket="$socket" '
  index($0, socket) { if (!first) first = $2; last = $2 }
  END { printf "%.2f", last - first }' "$scratch/trace")

echo "$mode, $round_trip ms: $elapsed s on the line; $calls calls on the socket: $sends sends," \
  "$receives receives, $polls polls, of them $idle that only timed out; EAGAIN: $eagain (at most $most)"
if ((sends == 0 || receives == 0 || polls == 0)); then
  echo 'The trace does not show the socket at all: this proves nothing.'
  exit 1
fi
if ((eagain > most || idle > most)); then
  grep -F -- "$socket" "$scratch/trace" | grep -E 'EAGAIN|Timeout' | head -n 40
  echo 'A busy loop, or waiting by the clock.'
  exit 1
fi
