# shellcheck shell=bash
# By how much the Emacs process grows at most while it sends 50 MB, the message in its buffer not counted: peak resident
# memory less that before, in copies of the message.  Sourced by bench.sh.

: "${place:?}"

measure_memory() {
  local octets who value
  goal 'peak growth, 50 MB (copies of it)' '<= 1'
  for who in sendonce smtpmail; do
    octets=$(emacs_says "$who" loop "implicit-$([[ $who == sendonce ]] && echo bdat || echo data)" 50000000 1 0 \
      sendonce-bench-memory) || continue
    value=$(sum "$octets / 50e6" %.2f)
    figure 'peak growth, 50 MB (copies of it)' "$who" "$value"
    if [[ $who == sendonce ]]; then claim memory-50MB "$value" '<=' 1 0.05; fi
  done
}
