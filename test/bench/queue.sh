# shellcheck shell=bash
# Messages a second for a queue of 1,000 of 10 KB each, on lines that are kept, at 0 and 50 ms.  The others, which have no
# such queue, send one after the other: curl and raw on one line, msmtp and smtpmail, which know no kept line, 20 times.
# The round trips of each are the time at 50 ms less the time at 0 ms, over 50 ms, times the lines that were used
# side by side.  Sourced by bench.sh.

: "${place:?}"
queue=${BENCH_QUEUE:-1000}

connections() { grep -c ' connect$' "$place/peer-implicit-bdat/log"; }

queue_of_sendonce() { # LINE: sets seconds, used
  local before
  before=$(connections)
  seconds=$(emacs_says sendonce "$1" implicit-bdat 10000 "$queue" 60 sendonce-bench-queue) || return
  used=$(($(connections) - before))
}

row_of() { # WHO COUNT LINE SECONDS
  figure "messages/s, queue of $queue, RTT $3" "$1" "$(sum "$2 / $4" %.1f)"
}

queue_of_others() { # LINE
  local who count peer keep total
  for who in curl msmtp smtpmail raw; do
    if ! have "$who"; then continue; fi
    count=20 peer=implicit-data keep=
    if [[ $who == curl || $who == raw ]]; then count=$queue keep=60; fi
    if offers "$who" bdat; then peer=implicit-bdat; fi
    total=$(times "$who" "$1" "$peer" 10000 "$count" "$keep" | awk '{ s += $1 } END { if (NR) print s }')
    if [[ -n $total ]]; then row_of "$who" "$count" "$1" "$total"; fi
    forget_messages
  done
}

measure_queue() {
  local line seconds used near=
  for line in 0 50; do
    if queue_of_sendonce "$line"; then
      row_of sendonce "$queue" "$line" "$seconds"
      figure "lines used, RTT $line" sendonce "$used"
      if [[ $line == 0 ]]; then near=$seconds; fi
    fi
    queue_of_others "$line"
  done
  goal 'round trips each, one line' '1.0; <= 1.1'
  if [[ -z $near || -z $seconds ]]; then return; fi
  seconds=$(sum "($seconds - $near) / $queue / 0.05 * $used" %.2f)
  figure 'round trips each, one line' sendonce "$seconds"
  claim queue-round-trips "$seconds" '<=' 1.1
}
