# shellcheck shell=bash
# Sourced: the source packages of Debian that the cross build for Windows begins with.  Called by library.sh
# and by test/windows/emacs.sh.  apt works with lists of its own, so that those of the machine stay as they are.

# The code names of the release that is installed here and of the next.
debian_releases() {
  local here
  here=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
  case $here in
    bookworm) echo bookworm trixie ;;
    trixie) echo trixie forky ;;
    *) echo "$here" ;;
  esac
}

# apt_here DIRECTORY RELEASE: sets apt_options, so that apt-get keeps lists and packages below DIRECTORY and
# knows the sources of RELEASE, from where apt finds this one.  The lists are fetched once; several of us may
# ask for them at the same time.
apt_here() {
  local directory=$1/$2 release=$2 here file lock
  read -r here _ < <(debian_releases)
  mkdir -p "$directory/lists/partial" "$directory/cache/archives/partial" "$directory/sources.d"
  apt_options=(-q -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$directory/sources.d"
    -o "Dir::State::lists=$directory/lists" -o "Dir::Cache=$directory/cache" -o APT::Sandbox::User=root)
  exec {lock}>"$directory/lock"
  flock "$lock"
  if [[ ! -e $directory/lists-are-here ]]; then
    for file in /etc/apt/sources.list.d/*.sources; do
      if grep -q 'debian-archive-keyring' "$file" 2>/dev/null; then
        sed "s/^Types:.*/Types: deb-src/; s/\\b$here\\b/$release/g" "$file" >"$directory/sources.d/${file##*/}"
      fi
    done
    if [[ -f /etc/apt/sources.list ]]; then
      sed -n "s/\\b$here\\b/$release/g; s/^deb \\(.*debian.*\\)/deb-src \\1/p" /etc/apt/sources.list \
        >"$directory/sources.d/main.list"
    fi
    apt-get "${apt_options[@]}" update >"$directory/update.log" 2>&1
    touch "$directory/lists-are-here"
  fi
  exec {lock}>&-
}

# Into a new directory INTO, with Debian's patches.  apt has compared the checksums with those of the signed
# list, so that the keys of maintainers are not needed.
fetch_patched() { # PACKAGE[=VERSION] INTO
  local into=$2
  (cd "$into.fetched" && apt-get "${apt_options[@]}" source --download-only "$1") &&
    dpkg-source --no-check -x "$into.fetched/${1%%=*}_"*.dsc "$into"
}

# Into a new directory INTO, as its authors published it.
fetch_tarball() { # PACKAGE INTO
  local into=$2
  (cd "$into.fetched" && apt-get "${apt_options[@]}" source --tar-only --download-only "$1") &&
    mkdir -p "$into" && tar xf "$into.fetched/$1"_*.orig.tar.?z -C "$into" --strip-components=1
}

# fetch_source APT-DIRECTORY PACKAGE[=VERSION] INTO: the unpacked source in INTO.  Where the mirror has not all
# of it, the bare tarball or the next release's will do, and a line says so; but not if VERSION is given.
fetch_source() {
  local apt_options=() release way into=$3
  for release in $(debian_releases); do
    apt_here "$1" "$release"
    for way in fetch_patched fetch_tarball; do
      rm -rf "$into" "$into.fetched"
      mkdir -p "$into.fetched"
      if "$way" "$2" "$into"; then
        echo "Source of $2: $way, Debian $release"
        rm -rf "$into.fetched"
        return 0
      fi
      if [[ $2 == *=* ]]; then return 1; fi
    done
  done
  return 1
}
