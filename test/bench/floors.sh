# shellcheck shell=bash
# What nobody can go below on this machine: how fast GnuTLS encrypts, how long a sync to disk takes, what the journal
# costs beside it.  Floors of round trips are in the rows where they belong.  Sourced by bench.sh.

: "${place:?}" "${build:?}"

# Rows of journal-bench's table: | NAME | LEAST | MEDIAN | P90 | IN SYNCS |
journal_row() { # NAME LABEL
  local value
  value=$(awk -F '|' -v name="$1" 'index($2, name) { gsub(/ /, "", $4); print $4 }' "$place/journal")
  goal "$2 (ms, median)" "$value"
}

measure_floors() {
  local cipher speed
  while read -r cipher speed; do
    goal "GnuTLS, $cipher, 16 KB records (GB/s)" "$speed"
  done < <("$build/test/bench/bench-tls" "$place/peer-implicit-bdat/server.pem")
  if ! "$build/test/bench/journal-bench" "$place/journal-bench" >"$place/journal"; then return; fi
  journal_row 'write 4 KB and fdatasync' 'write 4 KB and fdatasync'
  journal_row 'enqueue 10 KB' 'outbox: a message of 10 KB made safe'
  journal_row 'barriers 2 and 3  ' 'outbox: claim, commit point and outcome'
  journal_row 'enqueue 1 MB' 'outbox: a message of 1 MB made safe'
}
