# shellcheck shell=bash
# Throughput over the loopback interface, implicit TLS: octets of the message over the least time of some sends, each
# on a new line unless it says otherwise.  sendonce's time includes the message's way out of Emacs' buffer and into the
# outbox, synced to disk, but where it says "from the outbox": there it begins when that is done, as curl begins with a
# message that is in a file.  What counts is the ratio to the others in the same run.  Sourced by bench.sh.

: "${everybody[*]:?}"
declare -A speed

rate() { # WHO OCTETS COUNT [KEEP]: MB/s
  local peer=implicit-data seconds
  if offers "$1" bdat; then peer=implicit-bdat; fi
  seconds=$(times "$1" loop "$peer" "$2" "$3" "${4:-}" | least)
  forget_messages
  if [[ -z $seconds ]]; then return 1; fi
  sum "$2 / 1e6 / $seconds" %.2f
}

throughput_of() { # LABEL OCTETS COUNT [KEEP]
  local who value
  for who in "${everybody[@]}"; do
    if ! have "$who"; then continue; fi
    if [[ -n ${4:-} && ($who == msmtp || $who == smtpmail) ]]; then continue; fi
    if ! value=$(rate "$who" "$2" "$3" "${4:-}"); then continue; fi
    figure "MB/s, $1" "$who" "$value"
    speed[$who]=$value
  done
}

against() { # WHO GOAL [SUFFIX]: how many times as fast as WHO sendonce was with the last size
  local value=
  if [[ -z ${speed[$1]:-} ]]; then return; fi
  if [[ -n ${speed[sendonce]:-} ]]; then value=$(sum "${speed[sendonce]} / ${speed[$1]}" %.2f); fi
  claim "50MB-sendonce${3:-}/$1" "$value" '>=' "$2"
}

# What is in the outbox already, as what curl reads is in its file.
from_the_outbox() { # OCTETS COUNT: MB/s
  local seconds
  seconds=$(emacs_says sendonce loop implicit-bdat "$1" "$2" 0 sendonce-bench-out | least)
  forget_messages
  if [[ -z $seconds ]]; then return 1; fi
  sum "$1 / 1e6 / $seconds" %.2f
}

measure_throughput() {
  local value
  goal_of_sync
  throughput_of '10 KB' 10000 10
  throughput_of '10 KB, kept line' 10000 20 60
  throughput_of '5 MB' 5000000 3
  speed=()
  goal 'MB/s, 50 MB' '1.0 curl, 8 msmtp, 10 smtpmail'
  throughput_of '50 MB' 50000000 5
  against curl 1.0
  against msmtp 8
  against smtpmail 10
  if value=$(from_the_outbox 50000000 5); then
    figure 'MB/s, 50 MB, from the outbox' sendonce "$value"
    speed[sendonce]=$value
    against curl 1.0 -from-the-outbox
  fi
  if value=$(in_memory rate sendonce 50000000 2); then
    figure 'MB/s, 50 MB, outbox in memory' sendonce "$value"
    speed[sendonce]=$value
    against curl 1.0 -in-memory
  fi
}
