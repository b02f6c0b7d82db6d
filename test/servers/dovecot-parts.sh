# shellcheck shell=bash
# What a Dovecot of any use has in its configuration, in 2.3 and in 2.4.  Sourced after common.sh.
: "${here:?}"

dovecot_is_2_4() { [[ $(dovecot --version) == 2.4* ]]; }

# The users of $here/users, whose mail is in $here/mail, and TLS.
dovecot_configuration() {
  if dovecot_is_2_4; then
    cat <<TEXT
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
mail_driver = maildir
mail_path = $here/mail
ssl_server_cert_file = $here/tls/server.pem
ssl_server_key_file = $here/tls/server.key
passdb passwd-file {
  passwd_file_path = $here/users
}
userdb passwd-file {
  passwd_file_path = $here/users
}
TEXT
  else
    cat <<TEXT
mail_location = maildir:$here/mail
ssl_cert = <$here/tls/server.pem
ssl_key = <$here/tls/server.key
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
  cat <<TEXT
base_dir = $here/run
log_path = $here/dovecot-log
first_valid_uid = 1
listen = 127.0.0.1
service anvil {
  chroot =
}
TEXT
}

# add_user NAME PASSWORD: stored as it is, so that every mechanism can check it.
add_user() { echo "$1:{PLAIN}$2:$(id -u nobody):$(id -g nobody)::$here/mail" >>"$here/users"; }

# start_dovecot COMMAND...: returns when COMMAND succeeds.
start_dovecot() {
  mkdir -p "$here/run"
  dovecot -F -c "$here/dovecot.conf" >"$here/console" 2>&1 &
  running+=($!)
  await $! "$@"
}
