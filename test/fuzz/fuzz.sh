#!/usr/bin/env bash
# Runs the fuzz targets one after the other, each for a while; `make check-fuzz` calls it.
#
#   test/fuzz/fuzz.sh DIRECTORY [TARGET...]     DIRECTORY: of the programs fuzz-TARGET; no TARGET: all
#
# Environment: SECONDS_EACH (60); FUZZ_DIR (DIRECTORY/findings), where an input that broke something is
# kept.  What a run learns stays in FUZZ_DIR/learnt and is where the next begins; the corpus in the tree
# is not changed.  One line a target; fails if anything was found.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
programs=$(cd "$1" && pwd)
shift
: "${SECONDS_EACH:=60}" "${FUZZ_DIR:=$programs/findings}"

targets=("$@")
if ((${#targets[@]} == 0)); then
  for directory in "$here"/corpus/*/; do targets+=("$(basename "$directory")"); done
fi

# run_target NAME LOG
run_target() {
  local name=$1 options=()
  mkdir -p "$FUZZ_DIR/learnt/$name"
  if [[ -f $here/$name.dict ]]; then options+=("-dict=$here/$name.dict"); fi
  LSAN_OPTIONS="suppressions=$here/lsan.supp:print_suppressions=0" \
    "$programs/fuzz-$name" -max_total_time="$SECONDS_EACH" -timeout=20 -rss_limit_mb=1024 \
    -print_final_stats=1 -artifact_prefix="$FUZZ_DIR/$name-" ${options[@]+"${options[@]}"} \
    "$FUZZ_DIR/learnt/$name" "$here/corpus/$name" >"$2" 2>&1
}

# found NAME LOG: says what it was and how to see it again.
found() {
  local input
  echo "fuzz: $1: FAILED"
  grep -m 5 -E '^does not hold|ERROR: |runtime error|Test unit written' "$2" | sed 's/^/  /' || tail -n 5 "$2"
  input=$(sed -n 's/.*Test unit written to //p' "$2" | tail -n 1)
  if [[ -n $input ]]; then echo "  again by: $programs/fuzz-$1 $input"; fi
  echo "  its output: $2"
}

passed=0
failed=0
for name in "${targets[@]}"; do
  log=$FUZZ_DIR/$name.log
  mkdir -p "$FUZZ_DIR"
  if run_target "$name" "$log"; then
    passed=$((passed + 1))
    echo "fuzz: $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs, nothing found"
  else
    failed=$((failed + 1))
    found "$name" "$log"
  fi
done
echo "$passed passed, $failed failed"
((failed == 0))
