# shellcheck shell=bash
# What the scripts of this directory share: the command line, a place that is removed in the end, free
# ports, a certificate, and waiting for a server.  Sourced first, with `server' set to its name; the
# caller's header is its help.

set -euo pipefail
: "${server:?}"
PATH=$PATH:/usr/sbin:/sbin

cannot() {
  echo "$server test skipped: $*" >&2
  exit 77
}

if [[ ${1:-} != run || $# -lt 2 ]]; then
  sed -n '2,${/^#/!q;s/^# \{0,1\}//p}' "$0" >&2
  exit 2
fi

need_root_and() { # PROGRAM...
  local program
  ((EUID == 0)) || cannot "$server must be started by root, and this is not root"
  for program in "$@"; do
    command -v "$program" >/dev/null || cannot "there is no $program here (make deps installs it)"
  done
}

running=()   # processes to end
pid_files=() # of processes that outlive the one we started

stop() {
  local file pid
  for file in ${pid_files[@]+"${pid_files[@]}"}; do
    if read -r pid 2>/dev/null <"$file"; then kill "$pid" 2>/dev/null || true; fi
  done
  for pid in ${running[@]+"${running[@]}"}; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$here"
}

here=$(mktemp -d /tmp/sendonce-server.XXXXXX)
chmod 755 "$here"
trap stop EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

free_ports() { # N: as many free ports, held until all are known so that they differ
  perl -MIO::Socket::INET -e '
    my @held = map { IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die } 1 .. shift;
    print join(" ", map { $_->sockport } @held), "\n"' "$1"
}

make_certificate() { # into $here/tls: ca.pem, server.pem, server.key, for localhost
  local tls=$here/tls
  mkdir "$tls"
  {
    openssl ecparam -name prime256v1 -genkey -noout -out "$tls/ca.key"
    openssl req -x509 -new -key "$tls/ca.key" -subj '/CN=sendonce test authority' -days 2 -out "$tls/ca.pem"
    openssl ecparam -name prime256v1 -genkey -noout -out "$tls/server.key"
    openssl req -new -key "$tls/server.key" -subj '/CN=localhost' -out "$tls/server.csr"
    printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n' >"$tls/extensions"
    openssl x509 -req -in "$tls/server.csr" -CA "$tls/ca.pem" -CAkey "$tls/ca.key" -CAcreateserial \
      -days 2 -extfile "$tls/extensions" -out "$tls/server.pem"
  } >"$here/console" 2>&1 || { cat "$here/console" >&2; return 1; }
}

# Servers say to nobody that they are ready: await PID COMMAND... tries until COMMAND succeeds, as long as
# the process lives.
await() {
  local pid=$1 attempt
  shift
  for ((attempt = 0; attempt < 300; attempt++)); do
    if "$@"; then return 0; fi
    if ! kill -0 "$pid" 2>/dev/null; then break; fi
    sleep 0.1
  done
  echo "$server did not start:" >&2
  cat "$here/console" "$here"/*log >&2
  return 1
}

listens() { { exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null && exec 3>&-; } # PORT

export_server() { # SMTPS SUBMISSION USER PASSWORD: what the tests that all servers share look for
  : "${SERVER_TLS:=implicit starttls}"
  export SERVER_TLS SERVER_NAME=$server SERVER_HOST=localhost SERVER_SMTPS_PORT=$1 SERVER_SUBMISSION_PORT=$2
  export SERVER_CA=$here/tls/ca.pem SERVER_USER=$3 SERVER_PASSWORD=$4
  export SERVER_DOMAIN=sendonce.example SERVER_MAIL=$here/mail
}

run_command() { # COMMAND...: its status is ours; if it fails, with what the servers have logged
  local status=0
  "$@" || status=$?
  if ((status != 0 && status != 77)); then
    echo "--- The log of $server" >&2
    tail -n 60 "$here"/*log >&2
  fi
  exit "$status"
}
