#!/usr/bin/env bash
# A Postfix of one's own for the length of one command: own configuration, queue, certificate, users and
# mailboxes, all in a directory that is removed in the end; two ports of the loopback interface.
#
#   test/servers/postfix.sh run COMMAND [ARGUMENT...]
#
# COMMAND finds in its environment
#   POSTFIX_HOST              localhost, the name in the certificate
#   POSTFIX_SMTPS_PORT        implicit TLS;  POSTFIX_SUBMISSION_PORT  STARTTLS, obligatory
#   POSTFIX_CA                file of the authority that signed the certificate
#   POSTFIX_USER, POSTFIX_PASSWORD   sign-in is obligatory at both ports, by any mechanism of Cyrus SASL
#                             that takes a password
#   POSTFIX_ASCII_USER, POSTFIX_ASCII_PASSWORD   another user, within ASCII
#   POSTFIX_DOMAIN            to, cc, bcc and the user have mailboxes there: to@DOMAIN in $POSTFIX_MAIL/to/new
#   POSTFIX_MAIL              that directory
#   POSTFIX_LOG               Postfix's own log
# and what exim.sh says (SERVER_...); its exit status is ours, 77 where Postfix cannot run.
server=Postfix
# shellcheck source=test/servers/common.sh
source "$(dirname "$0")/common.sh"
# shellcheck source=test/servers/postfix-parts.sh
source "$(dirname "$0")/postfix-parts.sh"
shift
need_root_and postfix saslpasswd2 openssl

user=aoi
password='correct horse ünïcode'
ascii_user=sei
ascii_password='correct horse battery'

make_users() {
  local users=$here/etc/sasl/users
  mkdir -p "$here/etc/sasl"
  printf '%s' "$password" | saslpasswd2 -p -c -f "$users" -u "$domain" "$user"
  printf '%s' "$ascii_password" | saslpasswd2 -p -c -f "$users" -u "$domain" "$ascii_user"
  chgrp postfix "$users"
  chmod 640 "$users"
  configure_cyrus_sasl 'pwcheck_method: auxprop' 'auxprop_plugin: sasldb' "sasldb_path: $users" \
    'mech_list: PLAIN LOGIN CRAM-MD5 DIGEST-MD5 NTLM SCRAM-SHA-1 SCRAM-SHA-256'
  echo "smtpd_sasl_local_domain = $domain"
}

read -r smtps submission < <(free_ports 2)
make_certificate
make_users >"$here/sasl.cf"
configure_postfix "$smtps" "$submission" "$user" <"$here/sasl.cf"
start_postfix "$submission"

export_postfix "$smtps" "$submission" "$user@$domain" "$password"
export POSTFIX_ASCII_USER=$ascii_user@$domain POSTFIX_ASCII_PASSWORD=$ascii_password
export_server "$smtps" "$submission" "$ascii_user@$domain" "$ascii_password"
run_command "$@"
