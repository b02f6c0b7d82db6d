#!/usr/bin/env bash
# `make lint`: every check runs, and any finding fails the whole.  Checks: text (white space, width, length of
# files), shell scripts, clang-format, Lisp (lint.el), clang-tidy.
#
#   test/lint/lint.sh [CHECK...]      environment: BUILD_DIR (configured), JOBS, EMACS
set -uo pipefail
cd "$(dirname "$0")/../.." || exit

build=${BUILD_DIR:-build}
jobs=${JOBS:-2}
longest_line=120
longest_file=1200

sources() { # PATTERN...: our files of these names, tracked or new, without what .gitignore names
  git ls-files --cached --others --exclude-standard -- "$@" | sort -u | while read -r file; do
    if [[ -f $file ]]; then echo "$file"; fi
  done
}

check_text() {
  local files
  mapfile -t files < <(sources '*.cc' '*.hh' '*.el' '*.sh' '*.cmake' '*CMakeLists.txt' 'test/run-*' '.ci/run')
  LC_ALL=C awk -v width=$longest_line -v length_limit=$longest_file '
    function report(what) { print FILENAME ":" FNR ": " what; bad = 1 }
    /[ \t\r]$/ { report("white space at the end of the line") }
    /\t/ { report("a tab") }
    { text = $0; gsub(/[\200-\277]/, "", text) } # octets that continue a character of UTF-8
    length(text) > width { report("longer than " width " columns") }
    FNR == length_limit + 1 { report("the file is longer than " length_limit " lines") }
    END { exit bad }' "${files[@]}"
}

check_shell() {
  local files
  mapfile -t files < <(sources '*.sh' 'test/run-*' '.ci/run')
  shellcheck -x -S warning "${files[@]}"
}

check_format() {
  local files
  mapfile -t files < <(sources '*.cc' '*.hh')
  clang-format --dry-run -Werror "${files[@]}"
}

check_lisp() {
  local files tests
  mapfile -t files < <(sources 'lisp/*.el')
  mapfile -t tests < <(sources 'test/*.el')
  "${EMACS:-emacs}" -Q --batch -L lisp -L test/lisp -L test/clients -L test/fault -L test/bench \
    -l test/lint/lint.el -f lint-batch "${files[@]}" --tests "${tests[@]}"
}

# Only translation units of ours that the build compiles; their headers come along (.clang-tidy).
check_tidy() {
  sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "$build/compile_commands.json" | sort -u |
    xargs -P "$jobs" -n 1 test/lint/tidy.sh "$build"
}

failed=()
if (($# == 0)); then set -- text shell format lisp tidy; fi
for check; do
  echo "lint: $check"
  "check_$check" || failed+=("$check")
done
if ((${#failed[@]})); then
  echo "lint: findings in: ${failed[*]}"
  exit 1
fi
echo 'lint: no findings'
