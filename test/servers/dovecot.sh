#!/usr/bin/env bash
# A Dovecot of one's own for the length of one command: IMAP over TLS on a loopback port, one user, a
# Maildir, all in a directory that is removed in the end.
#
#   test/servers/dovecot.sh run COMMAND [ARGUMENT...]
#
# COMMAND finds in its environment
#   DOVECOT_IMAPS_PORT, DOVECOT_CA (whose name is localhost), DOVECOT_USER, DOVECOT_PASSWORD
#   DOVECOT_SENT          the directory "cur" of the mailbox Sent
# and its exit status is ours; 77 where Dovecot cannot run.
set -euo pipefail

cannot() {
  echo "Dovecot test skipped: $*" >&2
  exit 77
}

if [[ ${1:-} != run || $# -lt 2 ]]; then
  sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0" >&2
  exit 2
fi
shift
PATH=$PATH:/usr/sbin:/sbin
((EUID == 0)) || cannot 'Dovecot must be started by root, and this is not root'
for program in dovecot openssl; do
  command -v "$program" >/dev/null || cannot "there is no $program here (make deps installs it)"
done

here=$(mktemp -d /tmp/sendonce-dovecot.XXXXXX)
chmod 755 "$here"
running=

stop() {
  if [[ -n $running ]]; then
    kill "$running" 2>/dev/null || true
    wait "$running" 2>/dev/null || true
  fi
  rm -rf "$here"
}
trap stop EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

port=$(perl -MIO::Socket::INET -e \
  'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport')
make_certificate() {
  openssl ecparam -name prime256v1 -genkey -noout -out "$here/ca.key"
  openssl req -x509 -new -key "$here/ca.key" -subj '/CN=sendonce test authority' -days 2 -out "$here/ca.pem"
  openssl ecparam -name prime256v1 -genkey -noout -out "$here/key.pem"
  openssl req -new -key "$here/key.pem" -subj /CN=localhost -out "$here/server.csr"
  printf 'subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n' >"$here/extensions"
  openssl x509 -req -in "$here/server.csr" -CA "$here/ca.pem" -CAkey "$here/ca.key" -CAcreateserial \
    -days 2 -extfile "$here/extensions" -out "$here/cert.pem"
}
make_certificate >"$here/console" 2>&1 || { cat "$here/console" >&2; exit 1; }
mkdir -p "$here/mail/.Sent/cur" "$here/mail/.Sent/new" "$here/mail/.Sent/tmp" "$here/run"
chown -R nobody "$here/mail"
echo "aoi:{PLAIN}secret:$(id -u nobody):$(id -g nobody)::$here/mail" >"$here/users"
version=$(dovecot --version)
if [[ $version == 2.4* ]]; then
  cat >"$here/dovecot.conf" <<TEXT
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
mail_driver = maildir
mail_path = $here/mail
ssl_server_cert_file = $here/cert.pem
ssl_server_key_file = $here/key.pem
passdb passwd-file {
  passwd_file_path = $here/users
}
userdb passwd-file {
  passwd_file_path = $here/users
}
TEXT
else
  cat >"$here/dovecot.conf" <<TEXT
mail_location = maildir:$here/mail
ssl_cert = <$here/cert.pem
ssl_key = <$here/key.pem
passdb {
  driver = passwd-file
  args = $here/users
}
userdb {
  driver = passwd-file
  args = $here/users
}
TEXT
fi
cat >>"$here/dovecot.conf" <<TEXT
base_dir = $here/run
log_path = $here/log
protocols = imap
ssl = yes
first_valid_uid = 1
listen = 127.0.0.1
service imap-login {
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    port = $port
    ssl = yes
  }
  chroot =
}
service anvil {
  chroot =
}
TEXT

listens() { { exec 3<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null && exec 3>&-; }

# It says to nobody when it listens: try until it does, as long as it lives.
dovecot -F -c "$here/dovecot.conf" >"$here/console" 2>&1 &
running=$!
for ((attempt = 0; attempt < 300; attempt++)); do
  if listens || ! kill -0 "$running" 2>/dev/null; then break; fi
  sleep 0.1
done
if ! listens; then
  echo 'Dovecot did not start:' >&2
  cat "$here/console" "$here/log" >&2
  exit 1
fi

export DOVECOT_IMAPS_PORT=$port DOVECOT_CA=$here/ca.pem DOVECOT_USER=aoi DOVECOT_PASSWORD=secret
export DOVECOT_SENT=$here/mail/.Sent/cur
status=0
"$@" || status=$?
if ((status != 0 && status != 77)); then
  echo '--- Dovecot log' >&2
  tail -n 40 "$here/log" >&2
fi
exit "$status"
