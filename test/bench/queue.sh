# shellcheck shell=bash
# Messages a second for a queue of 1,000 of 10 KB each, on lines that are kept, at 0 and 50 ms.  The others, which have
# no such queue, send one after the other: raw all of them and curl a fifth, on one line; msmtp and smtpmail, which know
# no kept line, 20.
# Round trips by the clock: all the time at 50 ms, times the lines that were used side by side, over 50 ms and messages;
# what the journal takes counts, too.  Counted: the flights of the client's.  Sourced by bench.sh.

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
    if [[ $who == raw ]]; then count=$queue keep=60; fi
    if [[ $who == curl ]]; then count=$((queue / 5)) keep=60; fi
    if offers "$who" bdat; then peer=implicit-bdat; fi
    total=$(times "$who" "$1" "$peer" 10000 "$count" "$keep" | awk '{ s += $1 } END { if (NR) print s }')
    if [[ -n $total ]]; then row_of "$who" "$count" "$1" "$total"; fi
    forget_messages
  done
}

# Sets flights to what the line has counted since BEFORE, a message of COUNT; empty where it cannot count.
flights_each() { # BEFORE COUNT
  flights=
  if [[ $BENCH_LINES == tun ]]; then flights=$(sum "($(flights_so_far) - $1) / $2" %.2f); fi
}

flights_so_far() {
  if [[ $BENCH_LINES == tun ]]; then counts 50 | cut -d ' ' -f 7; fi
}

round_trips_of_sendonce() { # SECONDS LINES FLIGHTS-BEFORE LABEL
  local flights clock
  clock=$(sum "$1 * $2 / $queue / 0.05" %.2f)
  figure "round trips each, by the clock, $4" sendonce "$clock"
  claim "queue-by-the-clock-${4//[, ]/-}" "$clock" '<=' 1.1
  flights_each "$3" "$queue"
  if [[ -z $flights ]]; then return; fi
  figure "round trips each, counted, $4" sendonce "$flights"
  claim "queue-counted-${4//[, ]/-}" "$flights" '<=' 1.1
}

measure_queue() {
  local line seconds used before
  goal_of_sync
  for line in 0 50; do
    before=$(flights_so_far)
    if queue_of_sendonce "$line"; then
      row_of sendonce "$queue" "$line" "$seconds"
      figure "lines used, RTT $line" sendonce "$used"
      if [[ $line == 50 ]]; then round_trips_of_sendonce "$seconds" "$used" "$before" "RTT 50"; fi
    fi
    queue_of_others "$line"
  done
  goal 'round trips each, by the clock, RTT 50' '1.0; <= 1.1'
  goal 'round trips each, counted, RTT 50' '1.0; <= 1.1'
  before=$(flights_so_far)
  if in_memory queue_of_sendonce 50; then
    figure "messages/s, RTT 50, outbox in memory" sendonce "$(sum "$queue / $seconds" %.1f)"
    round_trips_of_sendonce "$seconds" "$used" "$before" 'RTT 50, outbox in memory'
  fi
}
