// See emacs/channel.hh.
//
// A descriptor is a number of one C runtime, and there are two that emacs.exe may use: msvcrt.dll,
// and the Universal C Runtime of Windows 10 (ucrtbase.dll).  Both may be loaded, and the module has
// one of them, too; so it is looked up which of them emacs.exe itself imports, and _write is that
// one's.
//
// A thread of Emacs sleeps in that runtime's _read at the other end, with the lock of its
// descriptor.  Deleting the process waits for that lock: for ever, if nothing is written any more.
// So this end stays open as long as Lisp has the process, and the byte of `before_delete` ends the
// read.
//
// It is never closed: Emacs has a table of what its descriptors are, and only its own function for
// closing clears an entry.  A file that it opened later under the same number would be a pipe to it
// that cannot be read.  One descriptor a start of the engine is lost, of which there is one a
// session.

#include "emacs/channel.hh"

#include <windows.h>

#include <cctype>
#include <cstddef>
#include <string>
#include <string_view>

namespace sendonce::emacs {

namespace {

using Write = int(__cdecl*)(int, const void*, unsigned);

std::string lower(std::string_view text) {
  std::string made(text);
  for (char& c : made) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return made;
}

// The name of a C runtime's file, if LIBRARY is one, or belongs to one.
std::string runtime_name(std::string_view library) {
  const std::string name = lower(library);
  if (name.starts_with("api-ms-win-crt-")) return "ucrtbase.dll";
  return name.starts_with("msvcr") || name.starts_with("ucrtbase") ? name : std::string();
}

// What the program itself imports, as its headers in memory say.
std::string runtime_of_program() {
  const auto* const base = reinterpret_cast<const std::byte*>(::GetModuleHandleW(nullptr));
  const auto at = [base](auto* type, std::size_t offset) {
    return reinterpret_cast<decltype(type)>(base + offset);
  };
  const auto* const dos = at(static_cast<const IMAGE_DOS_HEADER*>(nullptr), 0);
  const auto* const headers =
      at(static_cast<const IMAGE_NT_HEADERS*>(nullptr), static_cast<std::size_t>(dos->e_lfanew));
  const auto& directory = headers->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT];
  if (directory.Size == 0) return {};
  const auto* one =
      at(static_cast<const IMAGE_IMPORT_DESCRIPTOR*>(nullptr), directory.VirtualAddress);
  for (; one->Name != 0; ++one) {
    const std::string found = runtime_name(at(static_cast<const char*>(nullptr), one->Name));
    if (!found.empty()) return found;
  }
  return {};
}

void write_byte(int descriptor) {
  static const Write write = [] {
    const HMODULE library = ::GetModuleHandleA(runtime_of_program().c_str());
    // By way of void*, since compilers warn of the direct cast.
    return library == nullptr ? nullptr
                              : reinterpret_cast<Write>(
                                    reinterpret_cast<void*>(::GetProcAddress(library, "_write")));
  }();
  if (write != nullptr) static_cast<void>(write(descriptor, "!", 1));
}

}  // namespace

Channel::~Channel() = default;

void Channel::say() const noexcept { write_byte(descriptor_); }

void Channel::before_delete() const noexcept { write_byte(descriptor_); }

}  // namespace sendonce::emacs
