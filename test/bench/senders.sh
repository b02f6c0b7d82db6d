# shellcheck shell=bash
# How each program sends: `times WHO LINE PEER OCTETS COUNT [KEEP]' prints the seconds of each of COUNT sends, from the
# start of the program, or the call in Emacs, until 250 is in hand (curl, raw, sendonce) or the program or call has
# returned (msmtp, smtpmail).  With KEEP the sends share one line (sendonce, curl, raw), and the first of them, which
# opens it, is not printed.  Sourced by bench.sh after place.sh.

: "${build:?}" "${place:?}" "${root:?}"
home=$place/home # with the outbox in it
ca=$place/peer-implicit-bdat/ca.pem
emacs=${EMACS:-emacs}

have() {
  case $1 in
    sendonce | smtpmail) command -v "$emacs" >/dev/null ;;
    raw) [[ -x $build/test/bench/bench-raw ]] ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

offers() { [[ $2 == data || $1 == sendonce || $1 == raw ]]; } # WHO WAY: the others know no BDAT

# Users run compiled Lisp, and so does this.
compile_lisp() {
  mkdir -p "$place/lisp"
  cp "$root"/lisp/*.el "$place/lisp"
  (cd "$place/lisp" && "$emacs" -Q --batch -L . -f batch-byte-compile ./*.el) >"$place/compile.log" 2>&1
}

# traced COMMAND...: under strace if $trace is set, a file for what it sees.
trace=
trace_filter='network,read,write,readv,writev,poll,ppoll,select,pselect6,epoll_wait,epoll_pwait'
trace_filter+=',?access,?faccessat,?faccessat2'
traced() {
  if [[ -z $trace ]]; then
    "$@"
  else
    strace -f -yy -s 32 -o "$trace" -e "trace=$trace_filter" "$@"
  fi
}

first() { head -n "$1" "$place/output" >&2; } # what it said, when it failed

times() {
  local who=$1 line=$2 peer=$3 octets=$4 count=$5 keep=${6:-}
  local host port
  message "$octets"
  host=$(host_of "$line")
  port_of "$line" "$peer"
  if ! "times_$who" "$host" "$port" "${peer%-*}" "${peer#*-}" "$place/message-$octets" "$count" "$keep"; then
    echo "bench: $who failed to send $octets octets on line $line to $peer" >&2
    first 5
    return 1
  fi
}

emacs_times() { # WHO HOST PORT TLS WAY FILE COUNT KEEP [FUNCTION]
  rm -rf "${home:?}"
  mkdir -p "$home/.emacs.d"
  traced env HOME="$home" LC_ALL=C.UTF-8 BENCH_WITH="$1" BENCH_HOST="$2" BENCH_PORT="$3" BENCH_TLS="$4" \
    BENCH_FILE="$6.lf" BENCH_COUNT="$7" BENCH_KEEP="${8:-0}" BENCH_CA="$ca" \
    BENCH_FILL="$build/test/bench/bench-fill" BENCH_LIMIT=900 \
    "$emacs" -Q --batch -L "$place/lisp" -L "$build" -L "$root/test/bench" -l sendonce-bench-lisp \
    -f "${9:-sendonce-bench-send}" </dev/null 2>"$place/output"
}

# emacs_says WHO LINE PEER OCTETS COUNT KEEP FUNCTION: what a function of sendonce-bench-lisp.el prints.
emacs_says() {
  local host port peer=$3
  message "$4"
  host=$(host_of "$2")
  port_of "$2" "$peer"
  if ! emacs_times "$1" "$host" "$port" "${peer%-*}" "${peer#*-}" "$place/message-$4" "${@:5}"; then
    echo "bench: $7 failed with $1 on line $2" >&2
    first 5
    return 1
  fi
}

times_sendonce() {
  if [[ -z $7 ]]; then
    emacs_times sendonce "$@"
  else
    emacs_times sendonce "${@:1:5}" $(($6 + 1)) "$7" | tail -n +2
  fi
}

times_smtpmail() { emacs_times smtpmail "${@:1:6}" 0; }

times_raw() {
  local round count=$6
  if [[ -n $7 ]]; then
    traced "$build/test/bench/bench-raw" "${@:1:4}" "$5.crlf" $((count + 1)) 2>"$place/output" | tail -n +2
    return
  fi
  for ((round = 0; round < count; round++)); do
    traced "$build/test/bench/bench-raw" "${@:1:4}" "$5.crlf" 1 2>"$place/output" || return
  done
}

# --sasl-ir: one round trip less than by default.
times_curl() {
  local scheme=smtp round one all=()
  if [[ $3 == implicit ]]; then scheme=smtps; fi
  one=(-sS --ssl-reqd --cacert "$ca" --user aoi:open-sesame --login-options AUTH=PLAIN --sasl-ir
    --mail-from aoi@bench.example --mail-rcpt sei@bench.example -w '%{time_total}\n'
    -T "$5.crlf" "$scheme://$1:$2/curl.bench.example")
  if [[ -n $7 ]]; then
    for ((round = 0; round < $6; round++)); do all+=(--next "${one[@]}"); done
    traced curl "${one[@]}" "${all[@]}" 2>"$place/output" | tail -n +2
    return
  fi
  for ((round = 0; round < $6; round++)); do traced curl "${one[@]}" 2>"$place/output" || return; done
}

times_msmtp() {
  local round start end starttls=on
  if [[ $3 == implicit ]]; then starttls=off; fi
  (
    umask 077
    printf '%s\n' defaults "host $1" "port $2" 'tls on' "tls_starttls $starttls" "tls_trust_file $ca" 'auth plain' \
      'user aoi' 'password open-sesame' 'from aoi@bench.example' 'domain msmtp.bench.example' 'account default' \
      >"$place/msmtprc"
  )
  for ((round = 0; round < $6; round++)); do
    start=$EPOCHREALTIME
    traced msmtp -C "$place/msmtprc" sei@bench.example <"$5.lf" >"$place/output" 2>&1 || return
    end=$EPOCHREALTIME
    awk -v s="$start" -v e="$end" 'BEGIN { printf "%.6f\n", e - s }'
  done
}
