// Functions of a library for which a test stands in.  STAND_IN(name) is the test's own, by which
// the library's callers are served; REAL(name) is the library's, DECLARE_REAL(name) comes before
// it. Here the linker is told (--wrap in test/CMakeLists.txt) to give the callers the test's.

#pragma once

#define DECLARE_REAL(name) extern decltype(name) __real_##name;
#define STAND_IN(name) __wrap_##name
#define REAL(name) __real_##name
