#!/usr/bin/env bash
# clang-tidy on one translation unit; silent unless it has a finding.
#
#   test/lint/tidy.sh BUILD-DIRECTORY FILE.cc
#
# A file that was clean is not looked at again until its text after preprocessing, or the rules, change.
# For unit tests two are off: GoogleTest's macros make static objects whose constructors may throw
# (cert-err58-cpp), and keep the analyzer busy for a minute a file.
set -euo pipefail
build=$1
file=$2
root=$(cd "$(dirname "$0")/../.." && pwd)
extra=()
if [[ $file == "$root"/test/unit/* || $file == *_test.cc ]]; then
  extra=("--checks=-cert-err58-cpp,-clang-analyzer-*")
fi

command=$(grep -F -B 1 "\"file\": \"$file\"" "$build/compile_commands.json" |
  sed -n 's/^ *"command": "\(.*\)",$/\1/p' | head -n 1)
command=$(sed -e 's/ -o [^ ]*//' -e 's/ -c / /' -e 's/\\\\"/"/g' -e 's/\\"/"/g' <<<"$command")
read -ra words <<<"$command"
directory=$(sed -n 's/^ *"directory": "\(.*\)",$/\1/p' "$build/compile_commands.json" | head -n 1)
[[ ${words[0]} == *ccache ]] && words=("${words[@]:1}")
seen=$( (cat "$root/.clang-tidy" "$0"; clang-tidy --version; cd "$directory"
  "${words[@]}" -E -w -fdirectives-only 2>/dev/null || date +%N) | sha256sum | cut -d ' ' -f 1)

stamps=$build/lint
mkdir -p "$stamps"
if [[ -e $stamps/$seen ]]; then exit 0; fi
if output=$(clang-tidy --quiet -p "$build" "${extra[@]}" "$file" 2>&1); then
  touch "$stamps/$seen"
else
  echo "$output" | grep -v 'warnings generated\|Suppressed\|Use -header-filter'
  exit 1
fi
