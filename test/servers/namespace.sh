# shellcheck shell=bash
# For servers that test/unpack-deb has unpacked: paths and users are compiled into them, so they run in a
# mount namespace of their own, in which these exist.  Sourced before common.sh, whose clean-up is for the
# inner run.  Outside nothing is changed.
: "${server:?}"

packages=${SENDONCE_PACKAGES:-$(dirname "$0")/../../build/packages}

# enter_namespace "$@": the script begins again inside; returns there.
enter_namespace() {
  if [[ -n ${SENDONCE_NAMESPACE:-} ]]; then return 0; fi
  if ((EUID != 0)); then
    echo "$server test skipped: $server must be started by root, and this is not root" >&2
    exit 77
  fi
  if ! unshare --mount true 2>/dev/null; then
    echo "$server test skipped: no mount namespace can be had here" >&2
    exit 77
  fi
  exec env SENDONCE_NAMESPACE=1 unshare --mount --propagation private "$0" "$@"
}

need_package() { # PACKAGE PROGRAM: leaves its path in $program
  program=$packages/$1/$2
  [[ -x $program ]] || cannot "$1 is not unpacked (make deps does that)"
  program=$(readlink -f "$program")
  if ldd "$program" | grep -q 'not found'; then
    cannot "$1 lacks $(ldd "$program" | grep 'not found' | tr -d '\t')"
  fi
}

# add_system_user NAME: exists inside only; its number is that of no other.
add_system_user() {
  : "${here:?}"
  local name=$1 number=$((64800 + ${#users[@]}))
  users+=("$name")
  if [[ ! -e $here/passwd ]]; then
    cp /etc/passwd "$here/passwd"
    cp /etc/group "$here/group"
    mount --bind "$here/passwd" /etc/passwd
    mount --bind "$here/group" /etc/group
  fi
  echo "$name:x:$number:$number::$here:/usr/sbin/nologin" >>"$here/passwd"
  echo "$name:x:$number:" >>"$here/group"
}
users=()
