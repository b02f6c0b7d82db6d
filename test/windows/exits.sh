#!/usr/bin/env bash
# Starts and leaves Emacs for Windows on one outbox, until COUNT times it was left amid a send to a server 100 ms
# away; then sees what became of the messages (sendonce-windows-exits.el).
#
#   test/windows/exits.sh COUNT       environment: WINDOWS_BUILD (where check.sh builds), SENDONCE_PEER
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
count=$1

if [[ -z ${DELAY_PORT:-} ]]; then
  # shellcheck disable=SC2016
  exec "$root/test/run-with-peer" --no-sync -- bash -c 'exec perl "$1" "$PEER_PORT" 100 "$2" "$3"' - \
    "$root/test/fault/delay.pl" "$0" "$count"
fi

scratch=$(mktemp -d "${TMPDIR:-/tmp}/sendonce-exits.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
# No further peers are wanted.
export EXITS_DIR=z:$scratch PEER_DIR=z:$PEER_DIR PEER_CA=z:$PEER_CA TIME_LIMIT=60 PEER_HOST_PORT=none

amid() { wc -l <"$scratch/under-way"; }

touch "$scratch/under-way"
number=0
while (($(amid) < count && number < 3 * count)); do
  ((number += 1))
  status=0
  EXITS_NUMBER=$number RUN_FUNCTION=sendonce-windows-exits-leave \
    "$here/run-ert" "$here/sendonce-windows-exits.el" >"$scratch/output" 2>&1 || status=$?
  echo "$status $number" >>"$scratch/exits"
  if ((status != 0)); then
    cat "$scratch/output"
    break
  fi
done
EXITS_NUMBER=$number TIME_LIMIT=120 "$here/run-ert" "$here/sendonce-windows-exits.el"
if (($(amid) < count)); then
  echo "Of $number exits only $(amid) were amid a send"
  exit 1
fi
