#!/usr/bin/env bash
# Cross-builds one of the libraries that the module needs, static, for Windows on x86-64, from the source
# package of the Debian that is installed here.  Called by libraries.mk, which knows the order.
#
#   library.sh NAME PREFIX      NAME: a source package that has a recipe below; result: PREFIX/lib, PREFIX/include
#
# Log: PREFIX/log/NAME.log, of which the end is shown when it fails.
set -euo pipefail

name=$1
prefix=$2
here=$(cd "$(dirname "$0")" && pwd)
host=x86_64-w64-mingw32
source "$here/source.sh"

mkdir -p "$prefix/log" "$prefix/source"
log=$prefix/log/$name.log
source=$prefix/source/$name

# Found by configure and pkg-config: what was built here before, and nothing of this machine.
export PKG_CONFIG_LIBDIR=$prefix/lib/pkgconfig PKG_CONFIG_PATH=
export CC=$host-gcc-posix CXX=$host-g++-posix AR=$host-ar RANLIB=$host-ranlib WINDRES=$host-windres
export CPPFLAGS="-I$prefix/include -D_WIN32_WINNT=0x0A00" LDFLAGS="-L$prefix/lib" CFLAGS='-O2 -g0'

configure() {
  # A tarball of CVS days would regenerate its build system when the clock is off; nothing here is to.
  ./configure --host=$host --build="$(dpkg-architecture -qDEB_BUILD_GNU_TYPE)" --prefix="$prefix" \
    --disable-shared --enable-static --disable-dependency-tracking "$@"
}

recipe_gmp() {
  mkdir -p doc # not in Debian's tarball, since its licence is not free
  [[ -e doc/Makefile.in ]] || printf 'all install:\n' >doc/Makefile.in
  configure --disable-cxx
  make install
}

recipe_nettle() {
  configure --disable-documentation --disable-openssl --enable-public-key
  make install-static install-headers install-pkgconfig
}

# Of libunistring only the few functions that are needed are built, from the copies that come with these.
recipe_libidn2() {
  configure --disable-doc --disable-nls --disable-gcc-warnings
  make -C gl
  make -C unistring
  make -C lib install
  make install-pkgconfigDATA
}

recipe_libidn() {
  configure --disable-doc --disable-nls --disable-csharp --disable-java --disable-gcc-warnings
  make -C gl
  make -C lib/gl
  make -C lib install
  make install-pkgconfigDATA
}

recipe_libntlm() {
  configure
  make install
}

recipe_gnutls28() {
  configure --with-included-libtasn1 --with-included-unistring --without-p11-kit --without-tpm --without-tpm2 \
    --without-brotli --without-zstd --without-zlib --disable-doc --disable-tests --disable-tools --disable-cxx \
    --disable-libdane --disable-nls --disable-guile
  make -C gl
  make -C lib install
  # Its variables are declared as a DLL's; here they are not.
  sed -i 's/__declspec *(dllimport)//' "$prefix/include/gnutls/gnutls.h"
}

recipe_gsasl() {
  configure --disable-gssapi --without-gssapi-impl --disable-nls --disable-gtk-doc --with-stringprep=libidn
  make install
}

# Its one large file is made by programs that run here; that alone is compiled for Windows.
recipe_sqlite3() {
  (
    unset CC CXX AR RANLIB WINDRES CPPFLAGS LDFLAGS
    ./configure --disable-shared --disable-readline
    make sqlite3.c sqlite3.h sqlite3.pc
  )
  local flags
  read -r -a flags <<<"$CFLAGS -DSQLITE_THREADSAFE=1 -DSQLITE_OMIT_LOAD_EXTENSION -DSQLITE_SECURE_DELETE"
  "$CC" "${flags[@]}" -c sqlite3.c -o sqlite3.o
  mkdir -p "$prefix/lib/pkgconfig" "$prefix/include"
  rm -f "$prefix/lib/libsqlite3.a"
  "$AR" rcs "$prefix/lib/libsqlite3.a" sqlite3.o
  cp sqlite3.h "$prefix/include/"
  sed "s#^prefix=.*#prefix=$prefix#; s#^Libs.private:.*#Libs.private:#" sqlite3.pc >"$prefix/lib/pkgconfig/sqlite3.pc"
}

# What is in no library: taken from this machine, where it is the same for all systems.
recipe_headers() {
  mkdir -p "$prefix/include/emacs" "$prefix/share/cmake"
  cp /usr/include/emacs-module.h "$prefix/include/emacs/"
  cp -r /usr/include/tl "$prefix/include/"
  cp -r /usr/share/cmake/tl-expected "$prefix/share/cmake/"
}

# For the tests.
recipe_googletest() {
  cmake -S /usr/src/googletest -B "$source" -DCMAKE_TOOLCHAIN_FILE="$here/toolchain.cmake" \
    -DSENDONCE_LIBRARIES="$prefix" -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DBUILD_GMOCK=OFF
  cmake --build "$source" --parallel "${JOBS:-2}" --target install
}

fetch() {
  case $name in
    headers | googletest) mkdir -p "$source" ;;
    libidn) fetch_tarball "$prefix/apt" "$name" "$source" ;; # Debian adds only what its own packages need
    *) fetch_source "$prefix/apt" "$name" "$source" ;;
  esac
}

build() {
  fetch
  cd "$source"
  "recipe_${name//[^a-z0-9]/_}"
}

report() {
  local status=$?
  if ((status == 0)); then return; fi
  tail -n 30 "$log" >&"$errors"
  echo "Building $name for Windows failed; all of it: $log" >&"$errors"
}

SECONDS=0
exec {errors}>&2 # not a number: make has its jobs at 3 and 4
trap report EXIT
build >"$log" 2>&1
rm -rf "$source"
printf '%-16s %4d s\n' "$name" $SECONDS
