#!/usr/bin/env bash
# In a real terminal: a message with an attachment of 20 MB goes out over a slow line.  Meanwhile Emacs
# redraws; C-g returns at once; typing works; the send goes on, and its end is announced.
#
# Drives `emacs -nw' in tmux and looks at the screen as a person would: every step waits for its text to
# appear, for a bounded time.  Environment: as for test/run-ert.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
octets_a_second=2500000

if ! command -v tmux >/dev/null; then
  echo 'Skipped: there is no tmux here (make deps installs it)'
  exit 77
fi

if [[ -z ${PEER_PORT:-} ]]; then
  scenario=$(mktemp)
  trap 'rm -f "$scenario"' EXIT
  echo "rate in $octets_a_second" >"$scenario"
  export SEND_USER=aoi SEND_PASSWORD=open-sesame SEND_TLS=implicit
  "$here/../run-with-peer" --user "$SEND_USER:$SEND_PASSWORD" --require-auth --scenario "$scenario" -- "$0"
  exit
fi

scratch=$(mktemp -d /tmp/sendonce-terminal.XXXXXX)
terminal() { tmux -S "$scratch/tmux" -f /dev/null "$@"; }
stop() {
  terminal kill-server 2>/dev/null || true
  rm -rf "$scratch"
}
trap stop EXIT
mkdir "$scratch/home" "$scratch/tmp"
export HOME=$scratch/home TMPDIR=$scratch/tmp SEND_PORT=$PEER_PORT LC_ALL=C.UTF-8
export TERMINAL_HERE=$here
: "${SENDONCE_MODULE_DIR:=$here/../../build}"

screen() { terminal capture-pane -p; }
ledger() { find "$PEER_DIR/messages" -name '*.eml' | wc -l; }
clock() { screen | sed -n 's/.* count=\([0-9]*\).*/\1/p' | head -n 1; }

fail() {
  echo "FAILED: $*"
  echo '--- the screen'
  screen || true
  echo '--- the server'
  tail -n 20 "$PEER_DIR/log"
  exit 1
}

# The step's event is that the text shows; how long it took is left in `took', in milliseconds.
await() { # PATTERN MILLISECONDS WHAT
  local start=${EPOCHREALTIME/./}
  until screen | grep -E -q "$1"; do
    took=$(((${EPOCHREALTIME/./} - start) / 1000))
    if ((took > $2)); then fail "$3: no /$1/ on the screen within $2 ms"; fi
    sleep 0.02
  done
  took=$(((${EPOCHREALTIME/./} - start) / 1000))
}

await_clock() { # COUNTS MILLISECONDS WHAT: the timer in Emacs runs and is redrawn
  local start=${EPOCHREALTIME/./} first now
  first=$(clock)
  until now=$(clock) && ((now >= first + $1)); do
    if (((${EPOCHREALTIME/./} - start) / 1000 > $2)); then
      fail "$3: the count went from $first only to $now within $2 ms"
    fi
    sleep 0.02
  done
}

show() {
  echo "--- $1"
  screen | grep -v '^ *$'
}

# shellcheck disable=SC2016
terminal new-session -d -x 110 -y 24 'exec "${EMACS:-emacs}" -nw -Q -L "$TERMINAL_HERE/../fault" \
  -L "$TERMINAL_HERE/../../lisp" -L "$SENDONCE_MODULE_DIR" \
  -l "$TERMINAL_HERE/slow-line.el" -f slow-line-set-up' ||
  fail 'tmux does not start'
await 'count=[0-9]+ [*]unsent' 30000 'the draft'

terminal send-keys C-c C-c
await '[0-9] ?%' 60000 'the live line in the echo area'
show 'while it goes out'
await_clock 10 5000 'redisplay during the send'
screen | grep -E -q '[0-9] ?%' || fail 'the live line is gone before C-g'
(($(ledger) == 0)) || fail 'the message was out before the test could look'

terminal send-keys C-g
# message.el's own "Sending...done" comes right after what sendonce says, and covers it.
await 'background|Sending\.\.\.done' 1000 'C-g'
echo "C-g returned within $took ms"
(($(ledger) == 0)) || fail 'the message was out before C-g'
show 'after C-g'

terminal send-keys C-x b 'typed-meanwhile' Enter 'the quick brown fox'
await 'the quick brown fox' 2000 'typing during the send'
await_clock 10 5000 'redisplay during the send in the background'
(($(ledger) == 0)) || fail 'the message was out before typing was tried'

await '[Ss]ent to' 120000 'the announcement of the end'
show 'at the end'
(($(ledger) == 1)) || fail 'announced, and the server does not have it once'
if [[ -s $PEER_DIR/violations ]]; then fail "violations: $(head -n 5 "$PEER_DIR/violations")"; fi
await_clock 5 5000 'redisplay after the send'
echo 'Emacs stayed alive throughout; the server has the message once.'
