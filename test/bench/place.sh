# shellcheck shell=bash
# Where everything is measured: a network of its own with lines of set round trips, four servers, messages of set
# sizes.  Sourced by bench.sh.
#
# As root, or where an ordinary user may make name spaces and open /dev/net/tun, the lines are bench-line's: the
# kernel's own TCP over a network interface.  Elsewhere they are test/fault/delay.pl's, which does not delay the
# handshake of TCP and cannot count packets; line_kind (tun or relay) says which.

: "${root:?}" "${build:?}" "${place:?}"

enter_network() { # "$@" of the caller: it begins again inside; returns there
  if [[ -n ${BENCH_LINES:-} ]]; then return 0; fi
  export BENCH_LINES=tun
  if [[ -w /dev/net/tun ]]; then
    if unshare --net --mount true 2>/dev/null; then
      exec unshare --net --mount --propagation private --pid --fork --kill-child --mount-proc \
        "$0" "$@"
    fi
    if unshare --map-root-user --net --mount true 2>/dev/null; then
      exec unshare --map-root-user --net --mount --propagation private --pid --fork --kill-child --mount-proc \
        "$0" "$@"
    fi
  fi
  export BENCH_LINES=relay
}

# What was started is written down in a file, since some of it is started in subshells.
leave_place() {
  if [[ -e $place/started ]]; then xargs kill <"$place/started" 2>/dev/null || true; fi
  rm -rf "${place:?}/home" "$place"/peer-*/messages "$place"/peer-*/incoming
  if [[ -n ${memory:-} && $memory != "$place" ]]; then rm -rf "$memory"; fi
}

# start WORD COMMAND...: runs in the background, and waits for its first line, which begins with WORD.
start() {
  local word=$1 line said
  shift
  exec {said}< <(exec "$@")
  echo "$!" >>"$place/started"
  if ! read -r -t 60 line <&"$said" || [[ $line != "$word"* ]]; then
    echo "bench: did not start: $*: ${line:-no word from it}" >&2
    exit 1
  fi
}

declare -A peer_ports
modes=(implicit starttls)
ways=(bdat data)

# What is no disk: servers keep their messages there, so as not to compete with the outbox that is measured, and so
# does an outbox where the line alone is measured.  DIRECTORY itself where memory is short.
memory_for() { # DIRECTORY: prints the one to use
  local free
  free=$(df -P -k /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')
  if ((${free:-0} < 1000000)) || [[ ! -w /dev/shm ]]; then
    echo "$1"
  else
    echo "/dev/shm/sendonce-bench.$$"
  fi
}

# in_memory COMMAND...: with the outbox there.
in_memory() {
  # shellcheck disable=SC2034 # emacs_times reads it
  local home=$memory/home
  "$@"
}

# How long 4 KB take to the disk just now: what else goes on there changes it from minute to minute.
goal_of_sync() {
  local each
  each=$(LC_ALL=C dd if=/dev/zero of="$place/sync" bs=4096 count=50 oflag=dsync conv=notrunc 2>&1 |
    awk '/copied/ { printf "%.2f", $(NF - 3) * 1000 / 50 }')
  goal 'a sync of 4 KB to the disk just now (ms)' "$each"
}

# Servers, called MODE-WAY: implicit-bdat and so on.  All have one certificate.
start_peers() {
  local mode way options
  for mode in "${modes[@]}"; do
    for way in "${ways[@]}"; do
      options=(--tls "$mode")
      if [[ $way == data ]]; then options+=(--no-chunking); fi
      start_peer "$mode-$way" "${options[@]}"
    done
  done
}

start_peer() { # NAME OPTION...
  local name=$1 certificate=$place/peer-implicit-bdat/server.pem
  shift
  mkdir -p "$memory/peer-$name"
  if [[ $memory != "$place" ]]; then ln -s "$memory/peer-$name" "$place/peer-$name"; fi
  if [[ -e $certificate ]]; then set -- "$@" --cert "$certificate"; fi
  start listening "$build/test/peer/sendonce-peer" --dir "$place/peer-$name" --host 0.0.0.0 --no-sync \
    --tls-host '*.bench.example' --user aoi:open-sesame --auth PLAIN --require-auth "$@"
  peer_ports[$name]=$(cat "$place/peer-$name/port")
}

forget_messages() { find "$place"/peer-*/messages/ -type f -delete; }

# Lines are called by their round trips in ms; `loop' is this machine itself.
open_lines() {
  local line
  if [[ $BENCH_LINES != tun ]]; then return 0; fi
  for line in 0 50 100; do
    start ready "$build/test/bench/bench-line" "$line" "$line" "$place/counts-$line"
    echo "10.77.$line.2 line$line.bench.example" >>"$place/hosts"
  done
}

host_of() { # LINE
  if [[ $BENCH_LINES == relay ]]; then
    echo 127.0.0.1
  elif [[ $1 == loop ]]; then
    echo loop.bench.example
  else
    echo "line$1.bench.example"
  fi
}

# port_of LINE PEER: sets $port.
port_of() {
  port=${peer_ports[$2]}
  if [[ $BENCH_LINES != relay || $1 == loop || $1 == 0 ]]; then return 0; fi
  local file=$place/relay-$1-$2
  if [[ ! -e $file ]]; then
    # shellcheck disable=SC2016
    start ready perl "$root/test/fault/delay.pl" "$port" "$1" \
      bash -c 'echo "$DELAY_PORT" >"$0"; echo ready; exec tail -f --pid="$PPID" /dev/null' "$file"
  fi
  port=$(cat "$file")
}

# What the line has carried so far, as bench-line shows it.
counts() { cat "$place/counts-$1"; }

set_up_network() {
  if [[ $BENCH_LINES != tun ]]; then return 0; fi
  printf '127.0.0.1 localhost loop.bench.example\n' >"$place/hosts"
  : >"$place/resolv.conf"
  mount --bind "$place/hosts" /etc/hosts
  mount --bind "$place/resolv.conf" /etc/resolv.conf 2>/dev/null || true
  # What TCP has learnt on one line must not change the next measurement.
  echo 1 >/proc/sys/net/ipv4/tcp_no_metrics_save 2>/dev/null || true
  # BBR, where it is the default, holds back part of a flight on purpose.
  local control=/proc/sys/net/ipv4/tcp_congestion_control
  if [[ $(<"$control") == bbr ]]; then { echo cubic >"$control" || echo reno >"$control"; } 2>/dev/null; fi
}

# message OCTETS: makes message-OCTETS.lf and .crlf, headers included, no line that begins with a dot.
message() {
  local lf=$place/message-$1.lf
  if [[ ! -e $lf ]]; then
    {
      printf 'From: aoi@bench.example\nTo: sei@bench.example\nMIME-Version: 1.0\nContent-Type: text/plain\n\n'
      yes 'Sixty-two columns of text, one line as good as any other one..'
    } 2>/dev/null | head -c "$(($1 - 1))" >"$lf" || true
    echo >>"$lf"
    sed 's/$/\r/' "$lf" >"${lf%.lf}.crlf"
  fi
}
