# shellcheck shell=bash
# What goes over the line for a send, counted there, both ways, TCP's own packets and those after 250 included: octets
# of IP packets, segments with and without content, flights of the client's.  Implicit TLS, 50 ms.  Sourced by bench.sh.

: "${everybody[*]:?}"

# carried WHO OCTETS COUNT [KEEP]: the counts of the line, as differences, in the array wire.
carried() {
  local before after peer=implicit-data i
  if offers "$1" bdat; then peer=implicit-bdat; fi
  read -ra before < <(counts 50)
  times "$1" 50 "$peer" "$2" "$3" "${4:-}" >/dev/null || return
  sleep 0.5 # the last acknowledgements
  read -ra after < <(counts 50)
  wire=()
  for i in "${!after[@]}"; do wire+=($((after[i] - before[i]))); done
}

show_wire() { # WHO LABEL DIVISOR
  figure "octets, $2" "$1" $(((wire[1] + wire[4]) / $3))
  figure "segments out / in, $2" "$1" "$((wire[0] / $3)) / $((wire[3] / $3))"
  figure "of them with content, $2" "$1" "$((wire[2] / $3)) / $((wire[5] / $3))"
  figure "flights of the client's, $2" "$1" $((wire[6] / $3))
}

# Per send on a kept line: what eleven sends carry more than one, over ten.
carried_warm() { # WHO OCTETS
  local one
  carried "$1" "$2" 1 60 || return
  one=("${wire[@]}")
  carried "$1" "$2" 11 60 || return
  local i
  for i in "${!wire[@]}"; do wire[i]=$((wire[i] - one[i])); done
}

measure_wire() {
  local who wire
  if [[ $BENCH_LINES != tun ]]; then
    figure 'packets on the line' sendonce 'cannot be counted here (no /dev/net/tun)'
    return
  fi
  for who in "${everybody[@]}"; do
    if have "$who" && carried "$who" 10000 1; then show_wire "$who" '10 KB on a new line' 1; fi
  done
  goal 'octets, 10 KB on a kept line' '> 10000'
  goal 'of them with content, 10 KB on a kept line' '7 / 1'
  goal "flights of the client's, 10 KB on a kept line" 1
  for who in sendonce curl raw; do
    if have "$who" && carried_warm "$who" 10000; then show_wire "$who" '10 KB on a kept line' 10; fi
  done
  for who in "${everybody[@]}"; do
    if have "$who" && carried "$who" 5000000 1; then show_wire "$who" '5 MB on a new line' 1; fi
  done
}
