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

# Without its own build system: newer releases come as they lie in git, and that wants more than is installed
# everywhere.  What gnulib has to add is a package of its own, made and configured here.
recipe_gsasl() {
  local version major minor patch mechanism flags file object objects=() mechanisms=(
    anonymous cram-md5 digest-md5 external login ntlm plain scram)
  version=$(cat .tarball-version 2>/dev/null || cat .tarball-version-git)
  version=${version#v}
  gnulib-tool --create-testdir --dir=gnulib --lib=liblgl --without-tests --avoid=fopen --avoid=fopen-gnu \
    --avoid=strdup-posix base64 c-ctype crypto/gc crypto/gc-hmac-md5 crypto/gc-hmac-sha1 crypto/gc-hmac-sha256 \
    crypto/gc-md5 crypto/gc-pbkdf2 crypto/gc-random crypto/gc-sha1 crypto/gc-sha256 getline gettext-h memmem \
    memxor minmax strndup strnlen strverscmp vasprintf
  (cd gnulib && configure --disable-gcc-warnings)
  make -C gnulib/gllib

  IFS=. read -r major minor patch <<<"$version"
  sed -E "s/@VERSION@/$version/; s/@MAJOR_VERSION@/$major/; s/@MINOR_VERSION@/$minor/; s/@PATCH_VERSION@/$patch/
    s/@NUMBER_VERSION@/$(printf '0x%02x%02x%02x' "$major" "$minor" "$patch")/" \
    lib/src/gsasl-version.h.in >lib/src/gsasl-version.h

  flags=(-DHAVE_CONFIG_H -DGSASL_BUILDING -DUSE_CLIENT -DUSE_SERVER -DHAVE_LIBIDN -DHAVE_PR29_H -DHAVE_PR29_8Z
    -DUSE_SCRAM_SHA1 -DUSE_SCRAM_SHA256 -DPACKAGE_LOCALE='"gsasl"' -DLOCALEDIR='""'
    -Ignulib -Ignulib/gllib -Ilib -Ilib/src)
  for mechanism in "${mechanisms[@]}"; do
    file=${mechanism^^}
    flags+=("-DUSE_${file//-/_}" "-Ilib/$mechanism")
  done
  for file in lib/src/*.c $(printf 'lib/%s/*.c ' "${mechanisms[@]}"); do
    case $file in */doxygen.c | */test-*.c) continue ;; esac
    object=${file//\//-}.o
    # shellcheck disable=SC2086
    "$CC" $CPPFLAGS $CFLAGS "${flags[@]}" -c "$file" -o "$object"
    objects+=("$object")
  done
  objects+=(gnulib/gllib/*.o)
  mkdir -p "$prefix/lib/pkgconfig" "$prefix/include"
  rm -f "$prefix/lib/libgsasl.a"
  "$AR" rcs "$prefix/lib/libgsasl.a" "${objects[@]}"
  cp lib/src/gsasl.h lib/src/gsasl-mech.h lib/src/gsasl-version.h "$prefix/include/"
  printf '%s\n' "prefix=$prefix" 'Name: libgsasl' 'Description: GNU SASL' "Version: $version" \
    'Libs: -L${prefix}/lib -lgsasl' 'Libs.private: -lidn -lntlm -lbcrypt -ladvapi32' 'Cflags: -I${prefix}/include' \
    >"$prefix/lib/pkgconfig/libgsasl.pc"
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
