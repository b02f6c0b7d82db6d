#!/usr/bin/env bash
# An OpenSMTPD of one's own for the length of one command, unpacked and not installed: see namespace.sh.
#
#   test/servers/opensmtpd.sh run COMMAND [ARGUMENT...]
#
# COMMAND finds in its environment what exim.sh says, SERVER_NAME being OpenSMTPD.  The OpenSMTPD of Debian 12
# was built for an older OpenSSL and ends every TLS handshake in an internal error; there it listens without
# TLS and without sign-in at SERVER_SUBMISSION_PORT, and SERVER_TLS is "none".
server=OpenSMTPD
# shellcheck source=test/servers/namespace.sh
source "$(dirname "$0")/namespace.sh"
enter_namespace "$@"
# shellcheck source=test/servers/common.sh
source "$(dirname "$0")/common.sh"
shift
need_root_and openssl
need_package opensmtpd usr/sbin/smtpd

user=aoi
password='correct horse'

knows_tls() { [[ $("$program" -h 2>&1) != *'OpenSMTPD 6.'* ]]; }

listeners() { # SMTPS SUBMISSION
  if knows_tls; then
    echo "listen on 127.0.0.1 port $1 smtps pki localhost hostname localhost auth <users>"
    echo "listen on 127.0.0.1 port $2 tls-require pki localhost hostname localhost auth <users>"
    echo 'match auth from any for domain "sendonce.example" action "deliver"'
  else
    echo "listen on 127.0.0.1 port $2 hostname localhost"
    echo 'match from any for domain "sendonce.example" action "deliver"'
  fi
}

configuration() { # SMTPS SUBMISSION
  cat <<TEXT
pki localhost cert "$here/tls/server.pem"
pki localhost key "$here/tls/server.key"
table mailboxes file:$here/mailboxes
table users file:$here/users
smtp max-message-size "100M"
action "deliver" maildir "$here/mail/%{dest.user}" virtual <mailboxes>
TEXT
  listeners "$@"
}

# What is compiled in: the spool, the socket, the helpers, an empty directory, the authorities, the users.
make_room() {
  local directory
  for directory in spool run lib; do mkdir "$here/$directory"; done
  mount --bind "$here/spool" /var/spool
  mount --bind "$here/run" /run
  mount -t tmpfs tmpfs /etc/ssl/certs # it reads the authorities for mail it would relay, and must find some
  cp "$here/tls/ca.pem" /etc/ssl/certs/ca-certificates.crt
  mount -t tmpfs tmpfs /var/lib
  mkdir -p /var/lib/opensmtpd/empty
  chmod 711 /var/lib/opensmtpd /var/lib/opensmtpd/empty
  mount -t overlay overlay -o "lowerdir=$packages/opensmtpd/usr/libexec:/usr/libexec" /usr/libexec
  add_system_user opensmtpd
  add_system_user opensmtpq
  add_system_user mailbox
}

read -r smtps submission < <(free_ports 2)
make_certificate
packages=$(readlink -f "$packages")
make_room >"$here/console" 2>&1 || cannot "its places cannot be mounted: $(cat "$here/console")"
mkdir "$here/mail"
chown mailbox:mailbox "$here/mail"
chmod 600 "$here/tls/server.key"
for mailbox in to cc bcc; do echo "$mailbox@sendonce.example: mailbox"; done >"$here/mailboxes"
echo "$user $(openssl passwd -6 "$password")" >"$here/users"
chown -R opensmtpd "$here/users" "$here/mailboxes"
: >"$here/log"
configuration "$smtps" "$submission" >"$here/smtpd.conf"
"$program" -d -f "$here/smtpd.conf" >"$here/log" 2>&1 &
running+=($!)
await $! listens "$submission"

if ! knows_tls; then export SERVER_TLS=none; fi
export_server "$smtps" "$submission" "$user" "$password"
run_command "$@"
