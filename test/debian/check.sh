#!/usr/bin/env bash
# Runs `make check` on another release of Debian; `make check-debian` and .ci/run call it.
#
#   test/debian/check.sh RELEASE DIRECTORY       environment: JOBS, BUILD_TYPE, CMAKE_FLAGS, CTEST_FLAGS
#
# RELEASE is a code name (trixie).  debootstrap makes DIRECTORY/root, from the mirror that apt uses here; a
# root that is complete is used again, with what was built in it.  Into it go the files that git tracks or
# would add.  All this has namespaces of its own for mounts and processes: whatever becomes of this script,
# nothing stays mounted and nothing goes on running.
#
# The status is that of `make check`; 77 where Debian RELEASE can't be had here, and then the last line says
# so and why.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

if (($# != 2)); then
  sed -n '2,${/^#/!q;s/^# \{0,1\}//p}' "$0" >&2
  exit 2
fi
release=$1

cannot() {
  echo "Debian $release was NOT checked: $*." >&2
  exit 77
}

((EUID == 0)) || cannot 'that takes root'
mkdir -p "$2"
directory=$(cd "$2" && pwd)
root=$directory/root
complete=$directory/root-is-complete # written when all packages are in it
self=$(readlink -f "$0")
cd "$(dirname "$self")/../.."

# Lines of MIRROR SUITE, from where apt finds the release of this machine.  apt is asked, since its sources
# come in many forms; for this answer it needs no lists.
list_suites() {
  local ours places
  ours=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
  places="(https?://[^']*)/dists/(${ours:-stable}|stable|oldstable|testing)(-updates|-security)?/InRelease"
  apt-get update --print-uris 2>/dev/null | sed -nE "s#^'$places' .*#\1 $release\3#p" || true
}

# debootstrap fetches with wget, which does not know the settings of apt.
export_proxies() {
  local settings
  settings=$(apt-config shell http_proxy Acquire::http::Proxy https_proxy Acquire::https::Proxy)
  eval "${settings//DIRECT/}"
  if [[ -n ${http_proxy:-} ]]; then export http_proxy; fi
  if [[ -n ${https_proxy:-} ]]; then export https_proxy; fi
}

make_root() {
  local suites mirror packages=make
  suites=$(list_suites)
  mirror=$(sed -n "s/ $release\$//p" <<<"$suites" | sed -n 1p)
  if [[ -z $mirror ]]; then cannot 'the sources of apt here name no mirror of Debian'; fi
  if [[ $mirror == https:* ]]; then packages+=,ca-certificates; fi
  if command -v ccache >/dev/null; then packages+=,ccache; fi

  echo "Making a root of Debian $release in $root"
  rm -rf --one-file-system "$root"
  debootstrap --variant=minbase --include="$packages" "$release" "$root" "$mirror" \
    >"$directory/debootstrap.log" 2>&1 || {
    tail -n 20 "$directory/debootstrap.log" >&2
    cannot 'debootstrap could not make its root, see above'
  }
  awk '{ print "deb", $0, "main" }' <<<"$suites" >"$root/etc/apt/sources.list"
  # A server that is installed must not start: its ports would be this machine's.
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
  echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io" # a root that breaks is made anew
}

# How this machine reaches the mirror today; what else it has set for apt is no business of the root.
copy_settings() {
  local file
  {
    apt-config dump | grep -E '^Acquire::(https?|Check-|Force|Retries)' | grep -v Auto-Detect || true
    echo 'Acquire::Languages "none";'
  } >"$root/etc/apt/apt.conf.d/90host"
  for file in /etc/resolv.conf /etc/hosts; do
    if [[ -e $file ]]; then cp -L "$file" "$root/etc/"; fi
  done
}

mount_all() {
  local cache
  mount --bind "$root" "$root" # a place to mount on: tests make namespaces of their own in there
  mount -t proc proc "$root/proc"
  mount --rbind /sys "$root/sys"
  mount --rbind /dev "$root/dev"
  if cache=$(ccache --get-config cache_dir 2>/dev/null); then
    mkdir -p "$cache" "$root/var/cache/ccache"
    mount --bind "$cache" "$root/var/cache/ccache"
  fi
}

list_files() {
  local file
  git -c safe.directory='*' ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
    if [[ -e $file || -L $file ]]; then printf '%s\0' "$file"; fi
  done
}

# They keep their times, so that what has not changed is not compiled again.
copy_files() {
  mkdir -p "$root/sendonce"
  find "$root/sendonce" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
  list_files | tar --null --files-from=- -cf - | tar --no-same-owner -C "$root/sendonce" -xf -
}

make_in_root() { # TARGET...
  local name given=()
  for name in http_proxy https_proxy no_proxy CCACHE_DISABLE; do
    if [[ -n ${!name:-} ]]; then given+=("$name=${!name}"); fi
  done
  chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8 TERM=dumb CCACHE_DIR=/var/cache/ccache "${given[@]}" \
    make -C /sendonce "$@" JOBS="${JOBS:-$(nproc)}" BUILD_TYPE="${BUILD_TYPE:-RelWithDebInfo}" \
    CMAKE_FLAGS="${CMAKE_FLAGS:-}" CTEST_FLAGS="${CTEST_FLAGS:-}" </dev/null
}

if [[ ${SENDONCE_IN_NAMESPACES:-} != yes ]]; then
  for program in apt-get debootstrap git setpriv unshare; do
    command -v "$program" >/dev/null || cannot "there is no $program here (make deps-debian installs it)"
  done
  git -c safe.directory='*' rev-parse --is-inside-work-tree >/dev/null 2>&1 || cannot 'this is no checkout of git'
  enter=(unshare --mount --pid --fork --kill-child)
  "${enter[@]}" mount -t proc proc /proc 2>/dev/null || cannot 'namespaces and mounts are forbidden here'
  exec {lock}>"$directory/lock"
  flock --nonblock "$lock" || cannot "another check runs in $directory"
  # unshare itself takes no notice of SIGTERM; so it is told to go when this shell does.
  SENDONCE_IN_NAMESPACES=yes setpriv --pdeathsig KILL "${enter[@]}" "$self" "$release" "$directory"
  exit
fi

export_proxies
if [[ ! -e $complete ]]; then make_root; fi
copy_settings
mount_all
copy_files
if [[ ! -e $complete ]]; then
  make_in_root deps-build deps-test
  touch "$complete"
fi
make_in_root check
