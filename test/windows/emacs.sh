#!/usr/bin/env bash
# Builds Emacs for Windows on x86-64, with modules and threads, to be run under Wine: the release that is
# installed here, from its source package.  `make check-windows` calls it; it takes minutes, and nothing when
# the result is there.
#
#   test/windows/emacs.sh DIRECTORY       result: DIRECTORY/run [ARGUMENT...] starts it
#
# Logs: DIRECTORY/*.log.  What is special about Wine, and about a build that is not done on Windows, is said
# where it is dealt with.
set -euo pipefail

mkdir -p "$1"
directory=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
source "$here/../../module/platform/windows/build/source.sh"
source "$here/wine.sh" "$directory/prefix"

host=x86_64-w64-mingw32
jobs=${JOBS:-2}
tree=$directory/tree
version=$(dpkg-query -W -f '${source:Version}' emacs-common)
release=${version#*:}
release=${release%%[+-]*}
lisp=/usr/share/emacs/$release/lisp

if [[ -x $directory/run && $(cat "$directory/version" 2>/dev/null) == "$version" ]]; then exit 0; fi

# replace FILE OLD NEW: the one place where FILE says OLD.
replace() {
  OLD=$2 NEW=$3 perl -0pi -e '
    my $times = s/\Q$ENV{OLD}\E/$ENV{NEW}/g;
    die "$ARGV: found " . ($times || 0) . " times: $ENV{OLD}\n" if $times != 1' "$1"
}

patch_tree() {
  cd "$tree"
  # The path of a directory as a program of Windows knows it; `pwd -W` is a word of MSYS.
  sed -i 's/pwd -W/echo "z:$PWD"/' build-aux/msys-to-w32
  # At the start Emacs closes its standard streams and opens copies that children do not inherit.  The C
  # runtime of Wine loses them on the way: there they are kept, and only marked.
  # shellcheck disable=SC2016
  replace src/w32.c '     handles with non-inheritable versions. */
  {
' '     handles with non-inheritable versions. */
  if (GetProcAddress (GetModuleHandle ("ntdll.dll"), "wine_get_version"))
    for (DWORD i = 0; i < 3; i++)
      SetHandleInformation (GetStdHandle (STD_INPUT_HANDLE - i), HANDLE_FLAG_INHERIT, 0);
  else
  {
'
}

configure_tree() {
  cd "$tree"
  ./autogen.sh autoconf
  ./configure --host=$host --build="$(dpkg-architecture -qDEB_BUILD_GNU_TYPE)" --prefix="$directory/installed" \
    --without-all --with-modules --with-threads --with-dumping=pdumper --with-toolkit-scroll-bars \
    CC=$host-gcc-posix CFLAGS='-O2 -g0'
}

# What the build makes and runs itself is a program of Windows: this lets the Makefiles call it.
wrap() {
  # shellcheck disable=SC2016
  printf '#!/bin/sh\nexec wine "$0.exe" "$@"\n' >"$1"
  chmod +x "$1"
}

# By parts: the top would compile the Lisp again, which Debian has done.
compile() {
  cd "$tree"
  make -j"$jobs" -C lib all
  make -C lib-src make-docfile.exe make-fingerprint.exe
  make -C nt cmdproxy.exe
  wrap lib-src/make-docfile
  wrap lib-src/make-fingerprint
  make -j"$jobs" -C src temacs.exe MAKE_PDUMPER_FINGERPRINT=../lib-src/make-fingerprint
}

# list VARIABLE: a list that src/Makefile knows, of which the DOC file is made.
list() {
  printf 'include Makefile\nshow-it: ; @echo $(%s)\n' "$1" | make -s -f - show-it | tail -n 1
}

# The compiled Lisp of the same release; Debian puts the sources beside it, some of them compressed.
add_lisp() {
  cd "$tree/src"
  cp -r "$lisp/." ../lisp/
  local objects files
  read -r -a objects < <(list 'SOME_MACHINE_OBJECTS) $(obj')
  read -r -a files < <(list shortlisp)
  ../lib-src/make-docfile -d . "${objects[@]}" >../etc/DOC
  ../lib-src/make-docfile -a ../etc/DOC -d ../lisp "${files[@]}"
}

# Its status is a failure, since Wine makes no hard link for a second name of the dump; the dump is good.
dump() {
  cd "$tree/src"
  cp temacs.exe emacs.exe
  LC_ALL=C timeout 300 wine ./temacs.exe -batch -l loadup --temacs=pdump >"$directory/loadup.log" 2>&1 || true
  cat "$directory/loadup.log"
  grep -q '^Dump complete' "$directory/loadup.log"
}

write_starter() {
  cat >"$directory/run" <<TEXT
#!/usr/bin/env bash
source '$here/wine.sh' '$directory/prefix'
exec wine '$tree/src/emacs.exe' "\$@"
TEXT
  chmod +x "$directory/run"
  [[ $("$directory/run" -Q --batch --eval '(princ system-type)' 2>/dev/null) == windows-nt ]]
  echo "$version" >"$directory/version"
}

step() { # NAME: runs it with a log of its own
  SECONDS=0
  local log=$directory/$1.log
  report() {
    local status=$?
    if ((status == 0)); then return; fi
    tail -n 30 "$log" >&3
    echo "Building Emacs for Windows failed; all of it: $log" >&3
  }
  (
    exec 3>&2
    trap report EXIT
    set -e
    "$1" >"$log" 2>&1
  )
  printf 'emacs: %-16s %4d s\n' "$1" $SECONDS
}

fetch() { fetch_source "$directory/apt" "emacs=$version" "$tree"; }

rm -rf "$tree" "$directory/run"
step fetch
step patch_tree
step configure_tree
step start_prefix
step compile
step add_lisp
step dump
step write_starter
