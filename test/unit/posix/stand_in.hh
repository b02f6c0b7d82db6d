// Functions of a library for which a test stands in.  STAND_IN(name) is the test's own, by which
// the library's callers are served; REAL(name) is the library's, DECLARE_REAL(name) comes before
// it. Here the dynamic linker finds the test's first.

#pragma once

#include <dlfcn.h>

#define DECLARE_REAL(name)
#define STAND_IN(name) __attribute__((visibility("default"))) name
#define REAL(name) reinterpret_cast<decltype(&(name))>(::dlsym(RTLD_NEXT, #name))
