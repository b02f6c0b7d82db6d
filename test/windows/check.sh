#!/usr/bin/env bash
# Builds the module for Windows and tests it under Wine; `make check-windows` and .ci/run call it.
#
#   test/windows/check.sh DIRECTORY      environment: JOBS, SENDONCE_PEER (the peer, built for this machine)
#
# In DIRECTORY, which is used again: libraries/, emacs/ and module/ as their scripts make them, and log/ with what
# each program of tests said.  What is tested: the unit tests of the core, files of Lisp tests in an Emacs for
# Windows, and Wanderlust on a bad line to a peer that runs outside.
#
# The last line adds up: N passed, N failed.  The status is 77 where Wine or the sources can't be had; then the
# last line says so and why.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$root/module/platform/windows/build
jobs=${JOBS:-2}
mkdir -p "$1/log"
directory=$(cd "$1" && pwd)
log=$directory/log
lisp_tests=(lisp/sendonce-{account,advice,bytes,certificate,compose,credential,defects,diagnosis,doctor,engine}
  lisp/sendonce-{envelope,hostile,identity,import,injection,outbox,preconnect,recipient,recipient-corpus,secrets}
  lisp/sendonce-{send,sign-in,spool,trust,warm} clients/sendonce-client-{gnus,mail,message,mode,tour,wl}
  windows/sendonce-windows-message)
story_sends=${STORY_SENDS:-50}

cannot() {
  echo "Windows was NOT checked: $*." >&2
  exit 77
}

for program in wine x86_64-w64-mingw32-g++-posix autoconf gnulib-tool tclsh dpkg-source cmake perl; do
  command -v "$program" >/dev/null || cannot "$program is not installed (make deps-windows, as root)"
done
[[ -x ${SENDONCE_PEER:-} ]] || cannot 'there is no peer (SENDONCE_PEER)'
source "$build/source.sh"
(read -r here _ < <(debian_releases) && apt_here "$directory/libraries/apt" "$here") ||
  cannot "apt has no source packages here (see $directory/libraries/apt)"

announce() { printf '\n=== %s\n' "$*"; }

build_all() {
  "$here/emacs.sh" "$directory/emacs" &
  local emacs=$!
  make -j"$jobs" -f "$build/libraries.mk" PREFIX="$directory/libraries" with-tests
  "$build/module.sh" "$directory" ON
  wait "$emacs"
}

# ---- Each program of tests writes a log; of each this adds its figures to the sums.

passed=0
failed=0
skipped=0

add() { # NAME PASSED FAILED SKIPPED STATUS: a status that no failed test explains is a failure itself
  local bad=$3
  if (($5 != 0 && bad == 0)); then bad=1; fi
  ((passed += $2, failed += bad, skipped += $4)) || true
  printf '%-34s %4d passed, %d failed, %d skipped, status %d\n' "$1" "$2" "$bad" "$4" "$5"
}

count_unit() { # LOG: passed, failed, skipped
  awk '{ sub(/\r$/, "") } /^\[  PASSED  \]/ { p = $4 } /^\[  SKIPPED \] [0-9]+ tests?, listed/ { s = $4 }
    /^\[  FAILED  \] [0-9]+ tests?, listed/ { f = $4 } END { print p + 0, f + 0, s + 0 }' "$1"
}

count_lisp() { # LOG, of one Emacs or several
  awk '{ sub(/\r$/, "") }
    /^Ran [0-9]+ tests, / { p += $4; for (i = 5; i < NF; i++) {
      if ($(i + 1) ~ /^unexpected/) f += $i; if ($(i + 1) ~ /^skipped/) s += $i } }
    END { print p + 0, f + 0, s + 0 }' "$1"
}

run_unit() {
  local part status counts
  for part in base smtp sasl engine outbox net; do
    status=0
    (
      cd "$directory/module/test"
      source "$here/wine.sh" "$directory/emacs/prefix"
      exec timeout --kill-after=10 600 wine "./unit-$part.exe"
    ) </dev/null >"$log/unit-$part" 2>&1 || status=$?
    read -r -a counts < <(count_unit "$log/unit-$part")
    add "unit: $part" "${counts[@]}" "$status"
  done
}

run_lisp() {
  local file counts
  export WINDOWS_BUILD=$directory SENDONCE_PEER
  # shellcheck disable=SC2016
  printf '%s\n' "${lisp_tests[@]}" | xargs -P "$jobs" -I FILE bash -c '
    name=${3##*/sendonce-}; status=0
    "$1/run-ert" "$1/../$3-tests.el" >"$2/lisp-$name" 2>&1 || status=$?; echo "$status" >"$2/lisp-$name.status"
    ' - "$here" "$log" FILE
  for file in "${lisp_tests[@]}"; do
    file=${file##*/sendonce-}
    read -r -a counts < <(count_lisp "$log/lisp-$file")
    add "lisp: $file" "${counts[@]}" "$(cat "$log/lisp-$file.status")"
  done
}

run_story() {
  local mode status counts
  export WINDOWS_BUILD=$directory SENDONCE_PEER
  for mode in implicit starttls; do
    status=0
    TIME_LIMIT=600 RUN_ERT=$here/run-ert "$root/test/clients/wl-story.sh" "$mode" "$story_sends" \
      >"$log/story-$mode" 2>&1 || status=$?
    read -r -a counts < <(count_lisp "$log/story-$mode")
    add "Wanderlust, $story_sends sends, $mode" "${counts[@]}" "$status"
  done
}

announce 'Building libraries, Emacs and the module for Windows'
build_all
announce 'Unit tests of the core, under Wine'
run_unit
announce 'Lisp tests, in Emacs for Windows'
run_lisp
announce 'Wanderlust on a line that cuts packets at random'
run_story

echo
echo "Not run: $skipped tests that said why; logs are in $log"
echo "$passed passed, $failed failed"
((failed == 0))
