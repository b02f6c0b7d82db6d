#!/usr/bin/env bash
# A Postfix that has Dovecot check who signs in, for the length of one command, with every mechanism that
# Dovecot has for a password it can read; all in a directory that is removed in the end.
#
#   test/servers/postfix-dovecot.sh run COMMAND [ARGUMENT...]
#
# COMMAND finds in its environment what postfix.sh describes, and
#   POSTFIX_UTF8_USER, POSTFIX_UTF8_PASSWORD   another user, beyond ASCII
# and its exit status is ours; 77 where the servers cannot run.
server='Postfix with Dovecot'
# shellcheck source=test/servers/common.sh
source "$(dirname "$0")/common.sh"
# shellcheck source=test/servers/postfix-parts.sh
source "$(dirname "$0")/postfix-parts.sh"
# shellcheck source=test/servers/dovecot-parts.sh
source "$(dirname "$0")/dovecot-parts.sh"
shift
need_root_and postfix dovecot openssl

user=aoi
password='correct horse battery'
utf8_user=jürgen
utf8_password='correct horse ünïcode'
mechanisms='PLAIN LOGIN CRAM-MD5 DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256'

read -r smtps submission < <(free_ports 2)
make_certificate
add_user "$user" "$password"
add_user "$utf8_user" "$utf8_password"
configure_postfix "$smtps" "$submission" "$user" <<TEXT
smtpd_sasl_type = dovecot
smtpd_sasl_path = $here/auth
TEXT
cat <(dovecot_configuration) - >"$here/dovecot.conf" <<TEXT
protocols =
auth_mechanisms = ${mechanisms,,}
auth_username_chars =
service auth {
  unix_listener $here/auth {
    mode = 0660
    user = postfix
    group = postfix
  }
}
TEXT
start_dovecot test -S "$here/auth"
start_postfix "$submission"

export_postfix "$smtps" "$submission" "$user" "$password"
export POSTFIX_UTF8_USER=$utf8_user POSTFIX_UTF8_PASSWORD=$utf8_password
run_command "$@"
