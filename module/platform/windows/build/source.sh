# shellcheck shell=bash
# Sourced: the source packages of Debian that the cross build for Windows begins with.  Called by library.sh
# and by test/windows/emacs.sh.  apt works with lists of its own, so that those of the machine stay as they are.

# apt_here DIRECTORY: sets apt_options, so that apt-get keeps lists and packages below DIRECTORY and knows
# source packages.  The lists are fetched once; several of us may ask for them at the same time.
apt_here() {
  local directory=$1 file
  mkdir -p "$directory/lists/partial" "$directory/cache/archives/partial" "$directory/sources.d"
  apt_options=(-q -o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$directory/sources.d"
    -o "Dir::State::lists=$directory/lists" -o "Dir::Cache=$directory/cache" -o APT::Sandbox::User=root)
  exec {apt_lock}>"$directory/lock"
  flock "$apt_lock"
  if [[ ! -e $directory/lists-are-here ]]; then
    for file in /etc/apt/sources.list.d/*.sources; do
      if grep -q 'debian-archive-keyring' "$file" 2>/dev/null; then
        sed 's/^Types:.*/Types: deb-src/' "$file" >"$directory/sources.d/${file##*/}"
      fi
    done
    if [[ -f /etc/apt/sources.list ]]; then
      sed -n 's/^deb \(.*debian.*\)/deb-src \1/p' /etc/apt/sources.list >"$directory/sources.d/main.list"
    fi
    apt-get "${apt_options[@]}" update >"$directory/update.log" 2>&1
    touch "$directory/lists-are-here"
  fi
  exec {apt_lock}>&-
}

# fetch_tarball APT-DIRECTORY PACKAGE INTO: the source as its authors published it, without Debian's patches.
fetch_tarball() {
  local apt_options=() into=$3
  apt_here "$1"
  rm -rf "$into" "$into.fetched"
  mkdir -p "$into" "$into.fetched"
  (cd "$into.fetched" && apt-get "${apt_options[@]}" source --tar-only --download-only "$2")
  tar xf "$into.fetched/$2"_*.orig.tar.?z -C "$into" --strip-components=1
  rm -rf "$into.fetched"
}

# fetch_source APT-DIRECTORY PACKAGE[=VERSION] INTO: the unpacked source, with Debian's patches, in INTO.
fetch_source() {
  local apt_options=() package=${2%%=*} into=$3
  apt_here "$1"
  mkdir -p "$into.fetched"
  (cd "$into.fetched" && apt-get "${apt_options[@]}" source --download-only "$2")
  rm -rf "$into"
  # apt has compared the checksums with those of the signed list; the keys of maintainers are not needed.
  dpkg-source --no-check -x "$into.fetched/${package}_"*.dsc "$into"
  rm -rf "$into.fetched"
}
