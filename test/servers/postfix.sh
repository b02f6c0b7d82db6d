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
#   POSTFIX_USER, POSTFIX_PASSWORD   sign-in is obligatory at both ports (PLAIN, LOGIN, SCRAM, DIGEST-MD5)
#   POSTFIX_DOMAIN            to, cc, bcc and the user have mailboxes there: to@DOMAIN in $POSTFIX_MAIL/to/new
#   POSTFIX_MAIL              that directory
#   POSTFIX_LOG               Postfix's own log
# and its exit status is ours; 77 where Postfix cannot run.  Postfix keeps Bcc here (it would drop the
# field by itself), so that a client that leaves it in is found out.
set -euo pipefail

cannot() {
  echo "Postfix test skipped: $*" >&2
  exit 77
}

if [[ ${1:-} != run || $# -lt 2 ]]; then
  sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0" >&2
  exit 2
fi
shift
PATH=$PATH:/usr/sbin:/sbin
((EUID == 0)) || cannot 'Postfix must be started by root, and this is not root'
for program in postfix saslpasswd2 openssl; do
  command -v "$program" >/dev/null || cannot "there is no $program here (make deps installs it)"
done

here=$(mktemp -d /tmp/sendonce-postfix.XXXXXX)
chmod 755 "$here"
running=

# The master is a child of the process we started and would outlive it: it is the one to end, and the
# other ends with it.
stop() {
  local master=
  if [[ -n $running ]]; then
    read -r master <"$here/queue/pid/master.pid" || true
    kill "${master:-$running}" 2>/dev/null || true
    wait "$running" 2>/dev/null || true
  fi
  rm -rf "$here"
}
trap stop EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

domain=sendonce.example
user=aoi
password='correct horse ünïcode'

free_ports() { # N: as many free ports, held until all are known so that they differ
  perl -MIO::Socket::INET -e '
    my @held = map { IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die } 1 .. shift;
    print join(" ", map { $_->sockport } @held), "\n"' "$1"
}

make_certificate() {
  local tls=$here/tls
  mkdir "$tls"
  openssl ecparam -name prime256v1 -genkey -noout -out "$tls/ca.key"
  openssl req -x509 -new -key "$tls/ca.key" -subj '/CN=sendonce test authority' -days 2 -out "$tls/ca.pem"
  openssl ecparam -name prime256v1 -genkey -noout -out "$tls/server.key"
  openssl req -new -key "$tls/server.key" -subj '/CN=localhost' -out "$tls/server.csr"
  printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n' >"$tls/extensions"
  openssl x509 -req -in "$tls/server.csr" -CA "$tls/ca.pem" -CAkey "$tls/ca.key" -CAcreateserial \
    -days 2 -extfile "$tls/extensions" -out "$tls/server.pem"
}

make_users() {
  mkdir -p "$here/etc/sasl" # Debian looks below config_directory, others where it is told
  printf '%s' "$password" | saslpasswd2 -p -c -f "$here/etc/sasl/users" -u "$domain" "$user"
  chgrp postfix "$here/etc/sasl/users"
  chmod 640 "$here/etc/sasl/users"
  cat >"$here/etc/sasl/smtpd.conf" <<TEXT
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: $here/etc/sasl/users
mech_list: PLAIN LOGIN DIGEST-MD5 SCRAM-SHA-1 SCRAM-SHA-256
TEXT
}

make_configuration() {
  local mailbox
  mkdir -p "$here/etc" "$here/queue" "$here/data" "$here/mail"
  chown postfix "$here/data"
  chown nobody "$here/mail"
  : >"$here/log"
  cat >"$here/etc/main.cf" <<TEXT
compatibility_level = 3.6
config_directory = $here/etc
queue_directory = $here/queue
data_directory = $here/data
maillog_file = $here/log
maillog_file_prefixes = $here
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = localhost
mydestination =
local_recipient_maps =
alias_maps =
mynetworks =
default_transport = error:this server delivers only to its own mailboxes
virtual_mailbox_domains = $domain
virtual_mailbox_base = $here/mail
virtual_uid_maps = static:$(id -u nobody)
virtual_gid_maps = static:$(id -g nobody)
virtual_mailbox_limit = 0
mailbox_size_limit = 0
message_size_limit = 104857600
message_drop_headers =
local_header_rewrite_clients =
always_add_missing_headers = no
cyrus_sasl_config_path = $here/etc/sasl
smtpd_sasl_auth_enable = yes
smtpd_sasl_local_domain = $domain
smtpd_tls_auth_only = yes
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = $here/tls/server.pem
smtpd_tls_key_file = $here/tls/server.key
smtpd_tls_loglevel = 1
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions =
virtual_mailbox_maps = texthash:$here/etc/mailboxes
TEXT
  for mailbox in to cc bcc "$user"; do
    echo "$mailbox@$domain $mailbox/"
  done >"$here/etc/mailboxes"
  cat >"$here/etc/master.cf" <<TEXT
127.0.0.1:$smtps inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
127.0.0.1:$submission inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
postlog unix-dgram n - n - 1 postlogd
TEXT
}

greets() {
  local line=
  { exec 3<>"/dev/tcp/127.0.0.1/$submission"; } 2>/dev/null || return 1
  read -r -t 10 line <&3 || true
  exec 3>&-
  [[ $line == 220* ]]
}

# The master takes a moment to listen, and says so to nobody: try until it greets, as long as it lives.
start() {
  local attempt
  postfix -c "$here/etc" start-fg >"$here/console" 2>&1 &
  running=$!
  for ((attempt = 0; attempt < 300; attempt++)); do
    if greets; then return 0; fi
    if ! kill -0 "$running" 2>/dev/null; then break; fi
    sleep 0.1
  done
  echo 'Postfix did not start:' >&2
  cat "$here/console" "$here/log" >&2
  return 1
}

read -r smtps submission < <(free_ports 2)
make_certificate >"$here/console" 2>&1 || { cat "$here/console" >&2; exit 1; }
make_users
make_configuration
start

export POSTFIX_HOST=localhost POSTFIX_SMTPS_PORT=$smtps POSTFIX_SUBMISSION_PORT=$submission
export POSTFIX_CA=$here/tls/ca.pem POSTFIX_USER=$user@$domain POSTFIX_PASSWORD=$password
export POSTFIX_DOMAIN=$domain POSTFIX_MAIL=$here/mail POSTFIX_LOG=$here/log
status=0
"$@" || status=$?
if ((status != 0 && status != 77)); then
  echo '--- Postfix log' >&2
  tail -n 60 "$here/log" >&2
fi
exit "$status"
