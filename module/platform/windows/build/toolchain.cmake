# Cross-building for Windows on x86-64 with Debian's mingw-w64, against the libraries of libraries.mk:
#
#   cmake -DCMAKE_TOOLCHAIN_FILE=module/platform/windows/build/toolchain.cmake -DSENDONCE_LIBRARIES=PREFIX ...
#
# `make windows` does so.  Everything is linked in, so that the DLL needs what Windows has and nothing else.

set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(host x86_64-w64-mingw32)
set(CMAKE_C_COMPILER ${host}-gcc-posix)
set(CMAKE_CXX_COMPILER ${host}-g++-posix)
set(CMAKE_RC_COMPILER ${host}-windres)

list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES SENDONCE_LIBRARIES)
set(CMAKE_FIND_ROOT_PATH ${SENDONCE_LIBRARIES} /usr/${host})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} ${SENDONCE_LIBRARIES}/lib/pkgconfig)
set(ENV{PKG_CONFIG_PATH} "")

set(SENDONCE_STATIC ON CACHE BOOL "" FORCE)
