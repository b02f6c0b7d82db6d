// See outbox/os.hh.
//
// A private file has an access list that is its own and names the user, the system and the
// administrators, who can take it anyway.  On a volume that keeps no access lists (FAT) nothing is
// private, and that is no error.
//
// Locks are those of LockFileEx: they belong to the handle, so they end with the process and
// exclude a second holder in the same process, and what lies beyond the end of a file can be
// locked. Handles are not inherited; nothing here forks. Files are opened so that others may remove
// them meanwhile, as elsewhere.
//
// NTFS keeps names in its own journal: a file's name is on disk when the file was flushed, a new
// name when the move was written through.

#include "outbox/os.hh"

// clang-format off: this order
#include <aclapi.h>
#include <bcrypt.h>
#include <sddl.h>
#include <windows.h>
// clang-format on

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <thread>

#include "base/windows.hh"

namespace sendonce::outbox::os {

namespace {

constexpr Milliseconds lock_poll{10};
constexpr int patience = 100;         // so many times lock_poll for a name that is about to go
constexpr int quota_exceeded = 1295;  // ERROR_DISK_QUOTA_EXCEEDED, which some headers lack
constexpr std::size_t largest_read = 1U << 30U;
constexpr DWORD share_all = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

int last_error() { return static_cast<int>(::GetLastError()); }

bool is_missing(int error) {
  return error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND;
}

std::string_view remedy(int error) {
  switch (error) {
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL:
    case quota_exceeded:
      return "; make room on that disk, then try again";
    case ERROR_ACCESS_DENIED:
      return "; give yourself the right to write there, or choose another sendonce-directory";
    case ERROR_WRITE_PROTECT:
    case ERROR_DIRECTORY:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_INVALID_NAME:
    case ERROR_BAD_PATHNAME:
    case ERROR_FILENAME_EXCED_RANGE:
    case ERROR_CANT_ACCESS_FILE:
      return "; choose another sendonce-directory";
    default:
      return "";
  }
}

tl::unexpected<Error> os_failure(std::string_view doing, const std::string& path, int error) {
  return fail(means_full(error) ? Cause::storage_full : Cause::storage, Phase::none,
              "Cannot " + std::string(doing) + " " + path + ": " + words(error) +
                  std::string(remedy(error)));
}

// ---- handles, which are held in an int: Windows uses 32 bits of them only (INVALID_HANDLE_VALUE
// is -1)

HANDLE to_handle(int descriptor) {
  return reinterpret_cast<HANDLE>(static_cast<std::intptr_t>(descriptor));
}

class Handle {
 public:
  explicit Handle(HANDLE handle) : handle_(handle) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() {
    if (valid()) ::CloseHandle(handle_);
  }
  [[nodiscard]] HANDLE get() const { return handle_; }
  [[nodiscard]] bool valid() const { return handle_ != INVALID_HANDLE_VALUE; }
  int release() {
    const auto value = reinterpret_cast<std::intptr_t>(handle_);
    handle_ = INVALID_HANDLE_VALUE;
    return static_cast<int>(value);
  }

 private:
  HANDLE handle_;
};

struct FreeLocal {
  void operator()(void* memory) const noexcept { ::LocalFree(memory); }
};
template <typename Type>
using Local = std::unique_ptr<Type, FreeLocal>;

/// Of the thing itself, file or directory; of a link, not of what it leads to.
HANDLE open_existing(const std::string& path, DWORD access) {
  return ::CreateFileW(to_wide(path).c_str(), access, share_all, nullptr, OPEN_EXISTING,
                       FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, nullptr);
}

// ---- who may

/// The user of this process, as access lists name him; empty if that cannot be told.
std::vector<std::byte> user_token() {
  HANDLE opened = nullptr;
  if (::OpenProcessToken(::GetCurrentProcess(), TOKEN_QUERY, &opened) == 0) return {};
  const Handle token(opened);
  DWORD size = 0;
  ::GetTokenInformation(token.get(), TokenUser, nullptr, 0, &size);
  std::vector<std::byte> bytes(size);
  if (::GetTokenInformation(token.get(), TokenUser, bytes.data(), size, &size) == 0) return {};
  return bytes;
}

PSID user() {
  static const std::vector<std::byte> token = user_token();
  return token.empty() ? nullptr : reinterpret_cast<const TOKEN_USER*>(token.data())->User.Sid;
}

std::wstring user_text() {
  wchar_t* text = nullptr;
  if (user() == nullptr || ::ConvertSidToStringSidW(user(), &text) == 0) return L"OW";
  const Local<wchar_t> kept(text);
  return text;
}

/// What CreateFile and CreateDirectory make something private with; what a directory holds inherits
/// it.
class Private {
 public:
  Private() {
    std::wstring text = L"D:P";
    for (const std::wstring& who : {user_text(), std::wstring(L"SY"), std::wstring(L"BA")})
      text += L"(A;OICI;FA;;;" + who + L")";
    PSECURITY_DESCRIPTOR made = nullptr;
    if (::ConvertStringSecurityDescriptorToSecurityDescriptorW(text.c_str(), SDDL_REVISION_1, &made,
                                                               nullptr) != 0)
      descriptor_.reset(made);
    attributes_ = {sizeof attributes_, descriptor_.get(), FALSE};
  }
  SECURITY_ATTRIBUTES* attributes() { return &attributes_; }
  [[nodiscard]] PSECURITY_DESCRIPTOR descriptor() const { return descriptor_.get(); }

 private:
  Local<void> descriptor_;
  SECURITY_ATTRIBUTES attributes_{};
};

bool is_trusted(PSID who) {
  if (user() != nullptr && ::EqualSid(who, user()) != 0) return true;
  return std::ranges::any_of(
      std::array{WinLocalSystemSid, WinBuiltinAdministratorsSid, WinCreatorOwnerSid,
                 WinCreatorOwnerRightsSid},
      [who](WELL_KNOWN_SID_TYPE type) { return ::IsWellKnownSid(who, type) != 0; });
}

/// Does the entry at INDEX let in somebody else?
bool lets_others_in(ACL* list, DWORD index) {
  void* entry = nullptr;
  if (::GetAce(list, index, &entry) == 0) return true;
  const auto* const header = static_cast<const ACE_HEADER*>(entry);
  if (header->AceType == ACCESS_DENIED_ACE_TYPE) return false;
  if (header->AceType != ACCESS_ALLOWED_ACE_TYPE) return true;
  auto* const allowed = static_cast<ACCESS_ALLOWED_ACE*>(entry);
  return allowed->Mask != 0 && !is_trusted(&allowed->SidStart);
}

bool keeps_access_lists(HANDLE file) {
  DWORD flags = 0;
  return ::GetVolumeInformationByHandleW(file, nullptr, 0, nullptr, nullptr, &flags, nullptr, 0) ==
             0 ||
         (flags & FILE_PERSISTENT_ACLS) != 0;
}

bool is_public(HANDLE file) {
  if (!keeps_access_lists(file)) return false;
  ACL* list = nullptr;
  PSECURITY_DESCRIPTOR descriptor = nullptr;
  if (::GetSecurityInfo(file, SE_FILE_OBJECT, DACL_SECURITY_INFORMATION, nullptr, nullptr, &list,
                        nullptr, &descriptor) != ERROR_SUCCESS)
    return true;
  const Local<void> kept(descriptor);
  if (list == nullptr) return true;
  for (DWORD index = 0; index < list->AceCount; ++index)
    if (lets_others_in(list, index)) return true;
  return false;
}

// ---- names

bool is_separator(char c) { return c == '/' || c == '\\'; }

std::string parent_of(const std::string& path) {
  const auto end = path.find_last_of("/\\");
  if (end == std::string::npos) return ".";
  return end == 0 ? path.substr(0, 1) : path.substr(0, end);
}

bool is_directory(const std::string& path) {
  const DWORD attributes = ::GetFileAttributesW(to_wide(path).c_str());
  return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
}

Status make_directories(const std::string& path) {
  if (is_directory(path)) return {};
  const std::string parent = parent_of(path);
  if (parent != path) {
    if (auto made = make_directories(parent); !made) return made;
  }
  if (::CreateDirectoryW(to_wide(path).c_str(), Private().attributes()) != 0) return {};
  const int error = last_error();
  if (error != ERROR_ALREADY_EXISTS) return os_failure("make the directory", path, error);
  if (!is_directory(path)) return os_failure("use as a directory", path, ERROR_DIRECTORY);
  return {};
}

std::string without_final_slashes(std::string path) {
  while (path.size() > 1 && is_separator(path.back())) path.pop_back();
  return path;
}

/// "\\?\C:\home" is "C:/home", "\\?\UNC\server\share" is "//server/share", as Emacs writes them.
std::string usual_form(std::string path) {
  std::ranges::replace(path, '\\', '/');
  if (path.starts_with("//?/UNC/")) return "//" + path.substr(8);
  return path.starts_with("//?/") ? path.substr(4) : path;
}

struct Identity {
  DWORD volume = 0;
  DWORD high = 0;
  DWORD low = 0;
  bool operator==(const Identity&) const = default;
};

std::optional<Identity> identity_of(HANDLE file) {
  BY_HANDLE_FILE_INFORMATION facts{};
  if (::GetFileInformationByHandle(file, &facts) == 0) return {};
  return Identity{facts.dwVolumeSerialNumber, facts.nFileIndexHigh, facts.nFileIndexLow};
}

/// Is FILE still the one that PATH names?  A sweeper may have removed it before we had the lock.
bool still_named(HANDLE file, const std::string& path) {
  const Handle named(open_existing(path, FILE_READ_ATTRIBUTES));
  if (!named.valid()) return false;
  const auto ours = identity_of(file);
  return ours && ours == identity_of(named.get());
}

Kind kind_of(const BY_HANDLE_FILE_INFORMATION& facts, HANDLE file) {
  if ((facts.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0) {
    FILE_ATTRIBUTE_TAG_INFO tag{};
    ::GetFileInformationByHandleEx(file, FileAttributeTagInfo, &tag, sizeof tag);
    // Others are no links: files that are fetched or unpacked when they are read.
    if (tag.ReparseTag == IO_REPARSE_TAG_SYMLINK || tag.ReparseTag == IO_REPARSE_TAG_MOUNT_POINT)
      return Kind::link;
  }
  return (facts.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0 ? Kind::other : Kind::file;
}

// ---- locks

/// What is locked cannot be read or written by others, so it is an octet that no file reaches.
bool lock_now(HANDLE file, DWORD how) {
  OVERLAPPED place{};
  place.OffsetHigh = 0x7fffffff;
  return ::LockFileEx(file, how | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &place) != 0;
}

/// A name whose file is removed but still open somewhere is refused so, until it is closed there; a
/// program that looks at every new file (a virus scanner) may hold it in such a way, too.
bool may_pass(int error) {
  return error == ERROR_ACCESS_DENIED || error == ERROR_SHARING_VIOLATION ||
         error == ERROR_DELETE_PENDING;
}

/// Opened or made, as itself.  The handle, or the error.
Result<int> open_lock_file(const std::string& path) {
  for (int tries = 0;; ++tries) {
    Handle file(::CreateFileW(to_wide(path).c_str(), GENERIC_READ | GENERIC_WRITE, share_all,
                              Private().attributes(), OPEN_ALWAYS,
                              FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OPEN_REPARSE_POINT, nullptr));
    if (file.valid()) {
      BY_HANDLE_FILE_INFORMATION facts{};
      ::GetFileInformationByHandle(file.get(), &facts);
      if (kind_of(facts, file.get()) == Kind::file) return file.release();
      return os_failure("open the lock file", path, ERROR_CANT_ACCESS_FILE);
    }
    const int error = last_error();
    if (!may_pass(error) || tries == patience) return os_failure("open the lock file", path, error);
    std::this_thread::sleep_for(lock_poll);
  }
}

}  // namespace

bool means_full(int os_error) noexcept {
  return os_error == ERROR_DISK_FULL || os_error == ERROR_HANDLE_DISK_FULL ||
         os_error == quota_exceeded;
}

std::string words(int os_error) { return system_words(static_cast<unsigned long>(os_error)); }

void FileLock::release() noexcept {
  if (const int handle = std::exchange(fd_, -1); handle >= 0) ::CloseHandle(to_handle(handle));
}

void FileLock::remove() noexcept {
  const Handle file(to_handle(std::exchange(fd_, -1)));
  if (file.valid()) ::DeleteFileW(to_wide(path_).c_str());
}

Reader::~Reader() {
  if (fd_ >= 0) ::CloseHandle(to_handle(fd_));
}

Result<std::string> Reader::read(std::int64_t offset, std::size_t limit) const {
  std::string bytes(limit, '\0');
  std::size_t have = 0;
  while (have < limit) {
    const std::uint64_t at = static_cast<std::uint64_t>(offset) + have;
    OVERLAPPED place{};
    place.Offset = static_cast<DWORD>(at);
    place.OffsetHigh = static_cast<DWORD>(at >> 32U);
    DWORD count = 0;
    if (::ReadFile(to_handle(fd_), bytes.data() + have,
                   static_cast<DWORD>(std::min<std::size_t>(limit - have, largest_read)), &count,
                   &place) == 0) {
      const int error = last_error();
      if (error != ERROR_HANDLE_EOF) return os_failure("read", path_, error);
    }
    if (count == 0) break;
    have += count;
  }
  bytes.resize(have);
  return bytes;
}

Result<Reader> open_to_read(const std::string& path) {
  Handle file(open_existing(path, GENERIC_READ));
  if (!file.valid()) return os_failure("open", path, last_error());
  return Reader(path, file.release());
}

Result<FileLock> lock_file(const std::string& path, Deadline deadline) {
  for (;;) {
    auto opened = open_lock_file(path);
    if (!opened) return fail(opened.error());
    Handle file(to_handle(*opened));
    while (!lock_now(file.get(), LOCKFILE_EXCLUSIVE_LOCK)) {
      const int error = last_error();
      if (error != ERROR_LOCK_VIOLATION && error != ERROR_IO_PENDING)
        return os_failure("lock", path, error);
      if (deadline.passed()) return os_failure("lock", path, ERROR_TIMEOUT);
      std::this_thread::sleep_for(lock_poll);
    }
    if (!still_named(file.get(), path)) continue;
    return FileLock(path, file.release());
  }
}

bool is_locked(const std::string& path) {
  const Handle file(open_existing(path, GENERIC_READ));
  if (!file.valid()) return !is_missing(last_error());
  // Shared: two who look at the same time do not take each other for the owner.
  return !lock_now(file.get(), 0);
}

Result<Facts> inspect(const std::string& path) {
  const Handle file(open_existing(path, FILE_READ_ATTRIBUTES | READ_CONTROL));
  if (!file.valid()) {
    const int error = last_error();
    if (is_missing(error)) return Facts{};
    return os_failure("examine", path, error);
  }
  BY_HANDLE_FILE_INFORMATION facts{};
  if (::GetFileInformationByHandle(file.get(), &facts) == 0)
    return os_failure("examine", path, last_error());
  Facts found;
  found.kind = kind_of(facts, file.get());
  found.is_public = is_public(file.get());
  found.has_aliases = facts.nNumberOfLinks > 1;
  return found;
}

Result<std::string> make_private_directory(const std::string& path) {
  if (auto made = make_directories(without_final_slashes(path)); !made) return fail(made.error());
  const Handle directory(::CreateFileW(to_wide(path).c_str(), 0, share_all, nullptr, OPEN_EXISTING,
                                       FILE_FLAG_BACKUP_SEMANTICS, nullptr));
  std::wstring name(32768, L'\0');
  const DWORD length =
      directory.valid()
          ? ::GetFinalPathNameByHandleW(directory.get(), name.data(),
                                        static_cast<DWORD>(name.size()), FILE_NAME_NORMALIZED)
          : 0;
  if (length == 0 || length >= name.size()) return os_failure("resolve", path, last_error());
  return usual_form(from_wide({name.data(), length}));
}

Status create_private_file(const std::string& path) {
  const Handle file(::CreateFileW(to_wide(path).c_str(), GENERIC_READ | GENERIC_WRITE, share_all,
                                  Private().attributes(), CREATE_NEW, FILE_ATTRIBUTE_NORMAL,
                                  nullptr));
  if (!file.valid()) return os_failure("create", path, last_error());
  if (::FlushFileBuffers(file.get()) == 0) return os_failure("sync", path, last_error());
  return {};
}

Status make_private(const std::string& path) {
  if (::SetFileSecurityW(to_wide(path).c_str(),
                         DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION,
                         Private().descriptor()) == 0)
    return os_failure("make private", path, last_error());
  return {};
}

Status rename_file(const std::string& from, const std::string& to) {
  if (::MoveFileExW(to_wide(from).c_str(), to_wide(to).c_str(), MOVEFILE_WRITE_THROUGH) == 0)
    return os_failure("rename", from, last_error());
  return {};
}

std::vector<std::string> files_in(const std::string& directory) {
  std::vector<std::string> names;
  WIN32_FIND_DATAW found{};
  const HANDLE search = ::FindFirstFileW(to_wide(directory + "/*").c_str(), &found);
  if (search == INVALID_HANDLE_VALUE) return names;
  do {
    if (found.cFileName[0] != L'.') names.push_back(from_wide(found.cFileName));
  } while (::FindNextFileW(search, &found) != 0);
  ::FindClose(search);
  return names;
}

bool on_network(const std::string& path) {
  std::array<wchar_t, MAX_PATH + 1> volume{};
  return ::GetVolumePathNameW(to_wide(path).c_str(), volume.data(),
                              static_cast<DWORD>(volume.size())) != 0 &&
         ::GetDriveTypeW(volume.data()) == DRIVE_REMOTE;
}

Result<std::string> random_name() {
  std::array<unsigned char, 16> bytes{};
  if (::BCryptGenRandom(nullptr, bytes.data(), static_cast<ULONG>(bytes.size()),
                        BCRYPT_USE_SYSTEM_PREFERRED_RNG) != 0)
    return os_failure("read random bytes for", "a lock file", last_error());
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string name;
  for (const unsigned char byte : bytes) {
    name += digits[byte >> 4U];
    name += digits[byte & 15U];
  }
  return name;
}

}  // namespace sendonce::outbox::os
