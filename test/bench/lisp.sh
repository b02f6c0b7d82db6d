# shellcheck shell=bash
# How long Emacs is taken: by `message-send' of 10 KB with sendonce-wait nil (smtpmail knows no other way than to wait),
# at 0 and 100 ms, the message synced to disk included; by handing over 50 MB; and the longest time between two runs of
# a timer of 1 ms while these go out, over the loopback interface.  Sourced by bench.sh.

: "${place:?}"

call_times() { # LINE KEEP LABEL
  local all later
  all=$(emacs_says sendonce "$1" implicit-bdat 10000 21 "$2" sendonce-bench-call) || return
  later=$(tail -n +2 <<<"$all")
  goal "message-send, $3" '< 10 ms'
  figure "message-send, $3" sendonce "$(middle <<<"$later")"
  figure "of it sendonce-send-it, $3" sendonce "$(cut -d ' ' -f 2 <<<"$later" | middle)"
  figure "the slowest of 20, $3" sendonce "$(greatest <<<"$later")"
  figure "the first in a session, $3" sendonce "$(cut -d ' ' -f 1 <<<"${all%%$'\n'*}")"
  claim "message-send-${1}ms" "$(middle <<<"$later")" '<' 10
  all=$(emacs_says smtpmail "$1" implicit-data 10000 3 0 sendonce-bench-call) || return
  figure "message-send, $3" smtpmail "$(middle <<<"$all")"
}

measure_lisp() {
  local call gap seconds
  goal_of_sync
  call_times 0 60 '10 KB, RTT 0 (ms)'
  call_times 100 60 '10 KB, RTT 100 (ms)'
  read -r call gap seconds < <(emacs_says sendonce loop implicit-bdat 50000000 1 0 sendonce-bench-gap)
  figure 'handing over 50 MB (ms)' sendonce "$call"
  goal 'longest timer gap while 50 MB go out (ms)' '< 20 ms'
  figure 'longest timer gap while 50 MB go out (ms)' sendonce "$gap"
  figure 'how long 50 MB went out (s)' sendonce "$seconds"
  claim timer-gap-50MB "$gap" '<' 20
  call=$(times smtpmail loop implicit-data 50000000 1) || return
  figure 'longest timer gap while 50 MB go out (ms)' smtpmail "$(sum "$call * 1000" %.0f)"
}
