# shellcheck shell=bash
# Round trips of a send of 10 KB: the time it takes at 100 ms less the time at 0 ms, over 100 ms; the least of some
# tries at each.  Until 250 is in hand; but msmtp and smtpmail return when QUIT is answered.  Sourced by bench.sh.
# The outbox is in memory: the time that a disk takes changes too much to be taken out by the difference.

: "${everybody[*]:?}"
tries=${BENCH_TRIES:-5}

trips() { # WHO PEER [KEEP]
  local far near
  far=$(in_memory times "$1" 100 "$2" 10000 3 "${3:-}" | least) || return
  near=$(in_memory times "$1" 0 "$2" 10000 "$tries" "${3:-}" | least) || return
  if [[ -z $far || -z $near ]]; then return 1; fi
  if [[ $BENCH_LINES == relay && -z ${3:-} ]]; then
    sum "1 + ($far - $near) / 0.1" %.2f # the relay does not delay the handshake of TCP
  else
    sum "($far - $near) / 0.1" %.2f
  fi
}


one_mode() { # MODE WAY COLD-FLOOR WARM-FLOOR
  local who value name="$1, ${2^^}"
  if [[ $2 == bdat ]]; then name="$1, CHUNKING"; fi
  goal "cold, $name" "$3.0"
  goal "warm, $name" "$4.0"
  for who in "${everybody[@]}"; do
    if ! have "$who" || ! offers "$who" "$2"; then continue; fi
    if value=$(trips "$who" "$1-$2"); then figure "cold, $name" "$who" "$value"; fi
    if [[ $who == sendonce ]]; then claim "cold-$1-$2" "$value" '<=' "$3.0" 0.1; fi
    if [[ $who == msmtp || $who == smtpmail ]]; then continue; fi
    if value=$(trips "$who" "$1-$2" 60); then figure "warm, $name" "$who" "$value"; fi
    if [[ $who == sendonce ]]; then claim "warm-$1-$2" "$value" '<=' "$4.0" 0.1; fi
  done
}

measure_roundtrips() {
  one_mode implicit bdat 6 1
  one_mode implicit data 7 2
  one_mode starttls bdat 8 1
  one_mode starttls data 9 2
}
