#!/usr/bin/env bash
# Cross-builds the module for Windows, against the libraries in DIRECTORY/libraries.
#
#   module.sh DIRECTORY ON|OFF      with the tests or without; result: DIRECTORY/module/sendonce-module.dll
#
# Beside it lies the same without what only a debugger wants: DIRECTORY/sendonce-module.dll, to be given away.
set -euo pipefail

directory=$(cd "$1" && pwd)
root=$(cd "$(dirname "$0")/../../../.." && pwd)
options=(-DCMAKE_TOOLCHAIN_FILE="$root/module/platform/windows/build/toolchain.cmake"
  -DSENDONCE_LIBRARIES="$directory/libraries" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DSENDONCE_TESTS="$2")
if command -v ccache >/dev/null; then options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
if [[ ! -e $directory/module/CMakeCache.txt ]] && command -v ninja >/dev/null; then options+=(-G Ninja); fi

cmake -S "$root" -B "$directory/module" "${options[@]}"
cmake --build "$directory/module" --parallel "${JOBS:-2}"
x86_64-w64-mingw32-strip -o "$directory/sendonce-module.dll" "$directory/module/sendonce-module.dll"
echo "Built: $directory/sendonce-module.dll ($(stat -c %s "$directory/sendonce-module.dll") bytes)"
