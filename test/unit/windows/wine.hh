// Is this Wine?  What it does otherwise than Windows is said where a test asks.

#pragma once

#include <windows.h>

namespace sendonce::test {

inline bool is_wine() {
  const HMODULE library = ::GetModuleHandleW(L"ntdll.dll");
  return library != nullptr && ::GetProcAddress(library, "wine_get_version") != nullptr;
}

}  // namespace sendonce::test
