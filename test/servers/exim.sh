#!/usr/bin/env bash
# An Exim of one's own for the length of one command, unpacked and not installed: see namespace.sh.
#
#   test/servers/exim.sh run COMMAND [ARGUMENT...]
#
# COMMAND finds in its environment
#   SERVER_NAME               Exim
#   SERVER_HOST               localhost, the name in the certificate
#   SERVER_SMTPS_PORT         implicit TLS;  SERVER_SUBMISSION_PORT  STARTTLS
#   SERVER_CA                 file of the authority that signed the certificate
#   SERVER_USER, SERVER_PASSWORD   sign-in (PLAIN, LOGIN), under TLS only, is obligatory
#   SERVER_DOMAIN             to, cc and bcc have mailboxes there: to@DOMAIN in $SERVER_MAIL/to/new
#   SERVER_MAIL               that directory
# and its exit status is ours; 77 where Exim cannot run.
server=Exim
# shellcheck source=test/servers/namespace.sh
source "$(dirname "$0")/namespace.sh"
enter_namespace "$@"
# shellcheck source=test/servers/common.sh
source "$(dirname "$0")/common.sh"
shift
need_root_and openssl
need_package exim4-daemon-light usr/sbin/exim4

user=aoi
password='correct horse'

configuration() { # SMTPS SUBMISSION
  cat <<TEXT
exim_path = $program
exim_user = Debian-exim
exim_group = Debian-exim
primary_hostname = localhost
spool_directory = $here/spool
log_file_path = $here/%slog
pid_file_path = $here/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = $1 : $2
tls_on_connect_ports = $1
tls_advertise_hosts = *
tls_certificate = $here/tls/server.pem
tls_privatekey = $here/tls/server.key
chunking_advertise_hosts = *
pipelining_advertise_hosts = *
smtputf8_advertise_hosts = *
accept_8bitmime = true
auth_advertise_hosts = \${if eq{\$tls_in_cipher}{}{}{*}}
acl_smtp_rcpt = recipient
never_users =
host_lookup =
rfc1413_query_timeout = 0s
trusted_users = root
timezone = UTC
message_size_limit = 100M

begin acl
recipient:
  deny !authenticated = *
       message = sign in first
  accept domains = sendonce.example
         local_parts = to : cc : bcc
  deny message = no such mailbox here

begin routers
mailbox:
  driver = accept
  domains = sendonce.example
  local_parts = lsearch;$here/mailboxes
  transport = maildir

begin transports
maildir:
  driver = appendfile
  directory = $here/mail/\$local_part_data
  maildir_format
  create_directory
  user = Debian-exim
  group = Debian-exim

begin retry
* * F,1h,1m

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if and{{eq{\$auth2}{$user}}{eq{\$auth3}{$password}}}}
  server_set_id = \$auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = \${if and{{eq{\$auth1}{$user}}{eq{\$auth2}{$password}}}}
  server_set_id = \$auth1
TEXT
}

read -r smtps submission < <(free_ports 2)
make_certificate
add_system_user Debian-exim
mkdir "$here/spool" "$here/mail"
: >"$here/mainlog"
: >"$here/rejectlog"
: >"$here/paniclog"
chown -R Debian-exim:Debian-exim "$here/spool" "$here/mail" "$here"/*log "$here/tls"
for mailbox in to cc bcc; do echo "$mailbox: $mailbox"; done >"$here/mailboxes"
configuration "$smtps" "$submission" >"$here/exim.conf"
"$program" -C "$here/exim.conf" -bdf >"$here/console" 2>&1 &
running+=($!)
await $! listens "$submission"

export_server "$smtps" "$submission" "$user" "$password"
run_command "$@"
