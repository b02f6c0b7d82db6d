# shellcheck shell=bash
# A Postfix that delivers to its own mailboxes, and to nowhere else; for the scripts that differ in how it
# checks a sign-in.  Sourced after common.sh.
: "${here:?}"

domain=sendonce.example
networks=           # who may send without a sign-in
tls_level=encrypt   # obligatory

# configure_postfix SMTPS SUBMISSION USER: the ports, and who has a mailbox besides to, cc and bcc; lines
# for main.cf on standard input.
configure_postfix() {
  local mailbox
  mkdir -p "$here/etc" "$here/queue" "$here/data" "$here/mail"
  chown postfix "$here/data"
  chown nobody "$here/mail"
  : >"$here/log"
  cat >"$here/etc/main.cf" - <(main_configuration)
  for mailbox in to cc bcc "$3"; do
    echo "$mailbox@$domain $mailbox/"
  done >"$here/etc/mailboxes"
  master_configuration "$1" "$2" >"$here/etc/master.cf"
}

# Postfix keeps Bcc here (it would drop the field by itself), so that a client that leaves it in is found out.
main_configuration() {
  cat <<TEXT
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
mynetworks = $networks
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
smtpd_sasl_auth_enable = yes
smtpd_tls_auth_only = yes
smtpd_tls_security_level = $tls_level
smtpd_tls_cert_file = $here/tls/server.pem
smtpd_tls_key_file = $here/tls/server.key
smtpd_tls_loglevel = 1
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject
smtpd_recipient_restrictions =
virtual_mailbox_maps = texthash:$here/etc/mailboxes
TEXT
}

master_configuration() {
  cat <<TEXT
127.0.0.1:$1 inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
127.0.0.1:$2 inet n - n - - smtpd
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

greets() { # PORT
  local line=
  { exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
  read -r -t 10 line <&3 || true
  exec 3>&-
  [[ $line == 220* ]]
}

# The master is a child of the process we start and would outlive it: it is the one to end, and the other
# ends with it.
start_postfix() { # PORT that greets
  pid_files+=("$here/queue/pid/master.pid")
  postfix -c "$here/etc" start-fg >"$here/console" 2>&1 &
  running+=($!)
  await $! greets "$1"
}

# Cyrus SASL looks where it is told; Debian's below config_directory.  LINE... of smtpd.conf.
configure_cyrus_sasl() {
  mkdir -p "$here/etc/sasl"
  printf '%s\n' "$@" >"$here/etc/sasl/smtpd.conf"
  echo "cyrus_sasl_config_path = $here/etc/sasl"
}

export_postfix() { # SMTPS SUBMISSION USER PASSWORD
  export POSTFIX_HOST=localhost POSTFIX_SMTPS_PORT=$1 POSTFIX_SUBMISSION_PORT=$2
  export POSTFIX_CA=$here/tls/ca.pem POSTFIX_USER=$3 POSTFIX_PASSWORD=$4
  export POSTFIX_DOMAIN=$domain POSTFIX_MAIL=$here/mail POSTFIX_LOG=$here/log
}
