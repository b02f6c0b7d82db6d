#!/usr/bin/env bash
# Builds the module for Windows and tests it under Wine; `make check-windows` and .ci/run call it.
#
#   test/windows/check.sh DIRECTORY      environment: JOBS, SENDONCE_PEER (the peer, built for this machine);
# STORY_SENDS, EXITS: how much of the two that are counted
#
# In DIRECTORY, which is used again: libraries/, emacs/ and module/ as their scripts make them, and log/ with what
# each program of tests said.  What is tested: the unit tests of the core, senders that are killed among them; files
# of Lisp tests in an Emacs for Windows; Wanderlust on a bad line to a peer that runs outside; and Emacs left
# while it sends.
#
# The last line adds up: N passed, N failed.  The status is 77 where Wine, the sources, the libraries or Emacs
# can't be had; then the last line says so and why.  A module that can't be built is a failure.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$root/module/platform/windows/build
jobs=${JOBS:-2}
mkdir -p "$1/log"
directory=$(cd "$1" && pwd)
log=$directory/log
lisp_tests=(lisp/sendonce-{account,advice,bytes,compose,credential,defects,diagnosis,doctor,engine,envelope,hostile}
  lisp/sendonce-{identity,import,injection,outbox,preconnect,recipient,recipient-corpus,secrets,send,sign-in,spool}
  lisp/sendonce-{trust,warm} clients/sendonce-client-{gnus,mail,message,mode,tour,wl}
  windows/sendonce-windows-install)
# By itself: it changes which authorities all programs trust.
lisp_tests_alone=(windows/sendonce-windows-message)
story_sends=${STORY_SENDS:-500}
exits=${EXITS:-50}
longest_build=1500

cannot() {
  echo "Windows was NOT checked: $*." >&2
  exit 77
}

for program in wine x86_64-w64-mingw32-g++-posix autoconf gnulib-tool tclsh dpkg-source cmake perl; do
  command -v "$program" >/dev/null || cannot "$program is not installed (make deps-windows, as root)"
done
[[ -x ${SENDONCE_PEER:-} ]] || cannot 'there is no peer (SENDONCE_PEER)'
export WINDOWS_BUILD=$directory SENDONCE_PEER
source "$build/source.sh"
(read -r release _ < <(debian_releases) && apt_here "$directory/libraries/apt" "$release") ||
  cannot "apt has no source packages here (see $directory/libraries/apt)"

announce() { printf '\n=== %s\n' "$*"; }

build_all() {
  timeout $longest_build "$here/emacs.sh" "$directory/emacs" &
  local emacs=$!
  timeout $longest_build make -j"$jobs" -f "$build/libraries.mk" PREFIX="$directory/libraries" with-tests || {
    wait
    cannot 'the libraries could not be built; above is why'
  }
  wait "$emacs" || cannot 'Emacs for Windows could not be built; above is why'
  "$build/module.sh" "$directory" ON
}

# ---- Each program of tests writes a log; of each this adds its figures to the sums.

passed=0
failed=0
skipped=0
wrong=() # logs of those that failed

# A status that no failed test explains is a failure itself, and so is a program that ran nothing.
add() { # TITLE LOG PASSED FAILED SKIPPED STATUS
  local bad=$4
  if (($6 != 0 && bad == 0)) || (($3 + $4 + $5 == 0)); then bad=1; fi
  if ((bad > 0)); then wrong+=("$2"); fi
  ((passed += $3, failed += bad, skipped += $5)) || true
  printf '%-34s %4d passed, %d failed, %d skipped, status %d\n' "$1" "$3" "$bad" "$5" "$6"
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

add_lisp() { # TITLE LOG
  local counts
  read -r -a counts < <(count_lisp "$2")
  add "$1" "$2" "${counts[@]}" "$(cat "$2.status")"
}

# Runs COMMAND with LOG; its status in LOG.status.
logged() { # LOG COMMAND...
  local status=0 log=$1
  shift
  "$@" </dev/null >"$log" 2>&1 || status=$?
  echo "$status" >"$log.status"
}

# What was counted, in words.
figures() {
  sed -En 's/\r$//; /^([0-9]+ kills \(|[0-9]+ sends by |Of [0-9]+ exits )/p' \
    "$log/unit-outbox" "$log/story-implicit" "$log/story-starttls" "$log/exits"
}

# The DLL that is given away needs what every Windows has.
run_imports() {
  local needed foreign
  needed=$(x86_64-w64-mingw32-objdump -p "$directory/sendonce-module.dll" | sed -n 's/.*DLL Name: //p')
  foreign=$(grep -ivxE '(advapi32|bcrypt|crypt32|iphlpapi|kernel32|msvcrt|ncrypt|ws2_32)\.dll' <<<"$needed" || true)
  printf '%s\n' "needed: " "$needed" "foreign: " "$foreign" >"$log/imports"
  if [[ -n $needed && -z $foreign ]]; then
    add 'the DLL needs Windows only' "$log/imports" 1 0 0 0
  else
    add 'the DLL needs Windows only' "$log/imports" 0 1 0 0
  fi
}

run_unit() {
  local part counts
  for part in base smtp sasl engine outbox net; do
    (
      cd "$directory/module/test"
      logged "$log/unit-$part" timeout --kill-after=10 600 wine "./unit-$part.exe"
    )
    read -r -a counts < <(count_unit "$log/unit-$part")
    add "unit: $part" "$log/unit-$part" "${counts[@]}" "$(cat "$log/unit-$part.status")"
  done
}

# Nobody is trusted whom a run that was broken off has left.
forget_authorities() {
  timeout 60 wine reg delete 'HKCU\Software\Microsoft\SystemCertificates\ROOT\Certificates' /f >/dev/null 2>&1 || true
}

run_lisp() {
  local file
  export -f logged
  forget_authorities
  # shellcheck disable=SC2016
  printf '%s\n' "${lisp_tests[@]}" | xargs -P "$jobs" -I FILE bash -c '
    logged "$2/lisp-${3##*/sendonce-}" "$1/run-ert" "$1/../$3-tests.el"' - "$here" "$log" FILE
  for file in "${lisp_tests_alone[@]}"; do
    logged "$log/lisp-${file##*/sendonce-}" "$here/run-ert" "$root/test/$file-tests.el"
  done
  for file in "${lisp_tests[@]}" "${lisp_tests_alone[@]}"; do
    add_lisp "lisp: ${file##*/sendonce-}" "$log/lisp-${file##*/sendonce-}"
  done
}

# All at the same time: they mostly wait.
run_far() {
  local mode
  for mode in implicit starttls; do
    TIME_LIMIT=900 RUN_ERT=$here/run-ert \
      logged "$log/story-$mode" "$root/test/clients/wl-story.sh" "$mode" "$story_sends" &
  done
  logged "$log/exits" "$here/exits.sh" "$exits"
  wait
  for mode in implicit starttls; do add_lisp "Wanderlust, $story_sends sends, $mode" "$log/story-$mode"; done
  add_lisp "$exits exits amid a send" "$log/exits"
}

announce 'Building libraries, Emacs and the module for Windows'
build_all
# Exported to all that runs from here on.
source "$here/wine.sh" "$directory/emacs/prefix"
start_server
trap end_server EXIT
announce 'Unit tests of the core, under Wine'
run_imports
run_unit
announce 'Lisp tests, in Emacs for Windows'
run_lisp
announce 'Wanderlust on a line that cuts packets at random; leaving Emacs while it sends'
run_far

if ((${#wrong[@]} > 0)); then
  announce 'What those said that failed'
  for file in "${wrong[@]}"; do
    printf -- '--- %s\n' "$file"
    tail -n 60 "$file"
  done
fi
announce 'What was counted'
figures
echo
echo "Not run: $skipped tests that said why; logs are in $log"
echo "$passed passed, $failed failed"
((failed == 0))
