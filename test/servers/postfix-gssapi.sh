#!/usr/bin/env bash
# A Postfix whose users sign in with a Kerberos ticket (GSSAPI, RFC 4752), and the KDC that gives them, for
# the length of one command: a realm made for it, on the loopback interface, all in a directory that is
# removed in the end.
#
#   test/servers/postfix-gssapi.sh run COMMAND [ARGUMENT...]
#
# COMMAND finds in its environment what postfix.sh describes but for a password, and
#   KRB5_CONFIG, KRB5CCNAME   the realm, and a ticket of the user's in it
#   POSTFIX_NO_TICKET         a KRB5CCNAME without a ticket
# and its exit status is ours; 77 where the servers cannot run.
server='Postfix with Kerberos'
# shellcheck source=test/servers/common.sh
source "$(dirname "$0")/common.sh"
# shellcheck source=test/servers/postfix-parts.sh
source "$(dirname "$0")/postfix-parts.sh"
shift
need_root_and postfix openssl krb5kdc kdb5_util kadmin.local kinit
compgen -G '/usr/lib*/*/sasl2/libgssapiv2.so*' >/dev/null ||
  compgen -G '/usr/lib*/sasl2/libgssapiv2.so*' >/dev/null ||
  cannot 'there is no GSSAPI module of Cyrus SASL here (make deps installs it)'

user=aoi
password='correct horse'
realm=SENDONCE.EXAMPLE

make_realm() { # PORT of the KDC
  cat >"$here/krb5.conf" <<TEXT
[libdefaults]
  default_realm = $realm
  dns_lookup_realm = false
  dns_lookup_kdc = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
[realms]
  $realm = {
    kdc = 127.0.0.1:$1
  }
[domain_realm]
  localhost = $realm
TEXT
  cat >"$here/kdc.conf" <<TEXT
[kdcdefaults]
  kdc_listen = 127.0.0.1:$1
  kdc_tcp_listen = 127.0.0.1:$1
[realms]
  $realm = {
    database_name = $here/kdc/principal
    key_stash_file = $here/kdc/stash
    acl_file = $here/kdc/acl
  }
[logging]
  kdc = FILE:$here/kdc-log
TEXT
  mkdir "$here/kdc"
  kdb5_util create -s -P "$RANDOM$RANDOM$RANDOM" -r "$realm"
  kadmin.local -q "addprinc -pw \"$password\" $user"
  kadmin.local -q 'addprinc -randkey smtp/localhost'
  kadmin.local -q "ktadd -k $here/keytab smtp/localhost"
  chgrp postfix "$here/keytab"
  chmod 640 "$here/keytab"
}

gets_ticket() { kinit "$user" <<<"$password" >"$here/console" 2>&1; }

read -r smtps submission kdc < <(free_ports 3)
export KRB5_CONFIG=$here/krb5.conf KRB5_KDC_PROFILE=$here/kdc.conf KRB5CCNAME=FILE:$here/tickets
make_certificate
make_realm "$kdc" >"$here/console" 2>&1 || { cat "$here/console" >&2; exit 1; }
krb5kdc -n -r "$realm" >"$here/console" 2>&1 &
running+=($!)
await $! gets_ticket

configure_cyrus_sasl 'mech_list: GSSAPI' "keytab: $here/keytab" >"$here/sasl.cf"
cat >>"$here/sasl.cf" <<TEXT
import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ KRB5_CONFIG=$here/krb5.conf
  KRB5_KTNAME=FILE:$here/keytab KRB5RCACHETYPE=none
TEXT
configure_postfix "$smtps" "$submission" "$user" <"$here/sasl.cf"
start_postfix "$submission"

export_postfix "$smtps" "$submission" "$user" ''
export POSTFIX_NO_TICKET=FILE:$here/none
run_command "$@"
