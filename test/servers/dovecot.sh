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
server=Dovecot
# shellcheck source=test/servers/common.sh
source "$(dirname "$0")/common.sh"
# shellcheck source=test/servers/dovecot-parts.sh
source "$(dirname "$0")/dovecot-parts.sh"
shift
need_root_and dovecot openssl

port=$(free_ports 1)
make_certificate
mkdir -p "$here/mail/.Sent/cur" "$here/mail/.Sent/new" "$here/mail/.Sent/tmp"
chown -R nobody "$here/mail"
add_user aoi secret
cat <(dovecot_configuration) - >"$here/dovecot.conf" <<TEXT
protocols = imap
ssl = yes
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
TEXT
start_dovecot listens "$port"

export DOVECOT_IMAPS_PORT=$port DOVECOT_CA=$here/tls/ca.pem DOVECOT_USER=aoi DOVECOT_PASSWORD=secret
export DOVECOT_SENT=$here/mail/.Sent/cur
run_command "$@"
