#!/usr/bin/env bash
# Dovecot's submission service for the length of one command: it checks the sign-in and passes all that
# follows on to a Postfix behind it, which delivers to mailboxes of its own.
#
#   test/servers/dovecot-submission.sh run COMMAND [ARGUMENT...]
#
# COMMAND finds in its environment what exim.sh says, SERVER_NAME being "Dovecot submission".
server='Dovecot submission'
# shellcheck source=test/servers/common.sh
source "$(dirname "$0")/common.sh"
# shellcheck source=test/servers/postfix-parts.sh
source "$(dirname "$0")/postfix-parts.sh"
# shellcheck source=test/servers/dovecot-parts.sh
source "$(dirname "$0")/dovecot-parts.sh"
shift
need_root_and postfix dovecot openssl
[[ -x $(dirname "$(readlink -f "$(command -v dovecot)")")/../lib/dovecot/submission ]] ||
  cannot 'Dovecot has no submission service here (make deps installs it)'

user=aoi
password='correct horse'

relay() { # PORT: what Dovecot passes on to
  echo "submission_relay_host = 127.0.0.1"
  echo "submission_relay_port = $1"
  echo "submission_relay_ssl = no"
}

read -r smtps submission behind unused < <(free_ports 4)
make_certificate
# shellcheck disable=SC2034 # for postfix-parts.sh
networks=127.0.0.0/8 tls_level=may
configure_postfix "$unused" "$behind" "$user" </dev/null
start_postfix "$behind"

add_user "$user" "$password"
cat <(dovecot_configuration) <(relay "$behind") - >"$here/dovecot.conf" <<TEXT
protocols = submission
ssl = required
hostname = localhost
submission_max_mail_size = 100M
service submission-login {
  inet_listener submission {
    port = $submission
  }
  inet_listener submissions {
    port = $smtps
    ssl = yes
  }
  chroot =
}
TEXT
start_dovecot greets "$submission"

export_server "$smtps" "$submission" "$user" "$password"
run_command "$@"
