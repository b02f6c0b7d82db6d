# shellcheck shell=bash
# System calls on the connection's socket, by strace, at a round trip of 50 ms and on implicit TLS: of a send of 10 KB
# on a new line, of one on a line that was kept, of 5 MB; calls that found nothing (EAGAIN); and how often anything
# of sendonce wakes while a kept line is idle for a minute.  Sourced by bench.sh.

: "${place:?}" "${here:?}" "${everybody[*]:?}"
idle_seconds=${BENCH_IDLE_SECONDS:-60}

can_trace() {
  if ! command -v strace >/dev/null; then figure 'strace' sendonce 'not installed'; return 1; fi
  if ! strace -o /dev/null true 2>/dev/null; then figure 'strace' sendonce 'may not trace here'; return 1; fi
}

# counted WHO OCTETS FROM TO [KEEP]: one send in a trace; sets calls, sends, receives, waits, eagains.
counted() {
  local peer=implicit-data
  if offers "$1" bdat; then peer=implicit-bdat; fi
  local seen=$place/trace-$1-$2
  trace=$seen times "$1" 50 "$peer" "$2" 1 "${5:-}" >/dev/null || return
  read -r calls sends receives waits eagains < <(awk -v from="${3:-}" -v to="${4:-}" -f "$here/trace.awk" "$seen")
  rm -f "$seen"
}

show_calls() { # FIGURE WHO
  figure "calls, $1" "$2" "$calls"
  figure "sends / receives / waits, $1" "$2" "$sends / $receives / $waits"
  figure "EAGAIN, $1" "$2" "$eagains"
}

measure_idle() {
  local woken
  goal "wake-ups in $idle_seconds idle seconds, kept line" 0
  BENCH_IDLE=$idle_seconds trace_filter=all trace=$place/trace-idle times sendonce 50 implicit-bdat 10000 1 600 \
    >/dev/null || return
  woken=$(awk -v idle=1 -v from=idle-1 -v to=idle-2 -f "$here/trace.awk" "$place/trace-idle")
  figure "wake-ups in $idle_seconds idle seconds, kept line" sendonce "$woken"
  claim idle-wake-ups "$woken" '<=' 0
}

measure_calls() {
  local who calls sends receives waits eagains
  can_trace || return
  for who in "${everybody[@]}"; do
    if have "$who" && counted "$who" 10000; then show_calls '10 KB on a new line' "$who"; fi
  done
  goal 'calls, 10 KB on a kept line' '<= 12'
  goal 'EAGAIN, 10 KB on a kept line' 0
  goal 'calls, 5 MB on a kept line' '<= 500'
  goal 'EAGAIN, 5 MB on a kept line' 0
  for who in sendonce raw; do
    if counted "$who" 10000 begin-2 end-2 600; then show_calls '10 KB on a kept line' "$who"; fi
    if [[ $who == sendonce ]]; then claim calls-10KB "$calls" '<=' 12 && claim eagain-10KB "$eagains" '<=' 0; fi
    if counted "$who" 5000000 begin-2 end-2 600; then show_calls '5 MB on a kept line' "$who"; fi
    if [[ $who == sendonce ]]; then claim calls-5MB "$calls" '<=' 500 && claim eagain-5MB "$eagains" '<=' 0; fi
  done
  for who in curl msmtp smtpmail; do
    if have "$who" && counted "$who" 5000000; then show_calls '5 MB on a new line' "$who"; fi
  done
  measure_idle
}
