#!/usr/bin/env bash
# `make bench`: sendonce beside smtpmail.el, msmtp, curl and the least possible client, in one run.  Prints an Org table
# of figures, each beside its floor or goal, and a line `ratio NAME VALUE GOAL : ok|short' for each claim; a
# figure that is short is no failure.  What is measured at the moment is told on standard error.
#
#   test/bench/bench.sh [PART...]     roundtrips calls wire lisp throughput queue memory floors; default: all
#
# Environment: BUILD_DIR (built, target bench-programs), EMACS.  The table is kept in BUILD_DIR/bench/table.org.
set -uo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "${BUILD_DIR:-$root/build}" && pwd)
place=$build/bench
here=$root/test/bench
all_parts=(roundtrips calls wire lisp throughput queue memory floors)
everybody=(sendonce curl msmtp smtpmail raw)
if (($# == 0)); then set -- "${all_parts[@]}"; fi
for part; do
  if [[ " ${all_parts[*]} " != *" $part "* ]]; then
    echo "bench: no part is called $part; there are: ${all_parts[*]}" >&2
    exit 2
  fi
done

export LC_ALL=C.UTF-8
# shellcheck source=test/bench/place.sh
source "$here/place.sh"
enter_network "$@"
rm -rf "$place"
mkdir -p "$place"
memory=$(memory_for "$place")
# shellcheck source=test/bench/senders.sh
source "$here/senders.sh"
# shellcheck source=test/bench/figures.sh
source "$here/figures.sh"
for part; do
  # shellcheck source=/dev/null
  source "$here/$part.sh"
done

trap leave_place EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
compile_lisp
set_up_network
open_lines
start_peers

for who in "${everybody[@]}"; do
  if ! have "$who"; then
    part=''
    figure 'installed?' "$who" 'not installed'
  fi
done
for part; do
  echo "bench: $part" >&2
  "measure_$part"
  forget_messages
done
report | tee "$place/table.org"
