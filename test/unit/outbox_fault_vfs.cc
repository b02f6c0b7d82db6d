// See outbox_fault_vfs.hh.

#include "outbox_fault_vfs.hh"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>

namespace sendonce::outbox {

namespace {

/// SQLite allocates it; the real file lies right behind.
struct FaultFile {
  sqlite3_file base;
  FaultVfs* faults;
  std::string* path;  // null for files that are not followed

  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

FaultFile& self(sqlite3_file* file) { return *reinterpret_cast<FaultFile*>(file); }
sqlite3_file* real(sqlite3_file* file) { return self(file).real(); }
const sqlite3_io_methods& methods(sqlite3_file* file) { return *real(file)->pMethods; }

std::string contents(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

int file_close(sqlite3_file* file) {
  delete self(file).path;
  return real(file)->pMethods == nullptr ? SQLITE_OK : methods(file).xClose(real(file));
}

int file_read(sqlite3_file* file, void* into, int size, sqlite3_int64 offset) {
  return methods(file).xRead(real(file), into, size, offset);
}

int file_write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  FaultFile& me = self(file);
  if (me.path == nullptr) return methods(file).xWrite(real(file), data, size, offset);
  const std::string_view bytes(static_cast<const char*>(data), static_cast<std::size_t>(size));
  if (const int error = me.faults->next(); error != SQLITE_OK) {
    me.faults->tore(*me.path, offset, bytes.substr(0, bytes.size() / 2));
    return error;
  }
  me.faults->wrote(*me.path, offset, bytes);
  return methods(file).xWrite(real(file), data, size, offset);
}

int file_truncate(sqlite3_file* file, sqlite3_int64 size) {
  FaultFile& me = self(file);
  if (me.path != nullptr) {
    if (const int error = me.faults->next(); error != SQLITE_OK) return error;
    me.faults->truncated(*me.path, size);
  }
  return methods(file).xTruncate(real(file), size);
}

int file_sync(sqlite3_file* file, int flags) {
  FaultFile& me = self(file);
  if (me.path == nullptr) return methods(file).xSync(real(file), flags);
  if (const int error = me.faults->next(); error != SQLITE_OK) return error;
  me.faults->synced(*me.path);
  return SQLITE_OK;
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return methods(file).xFileSize(real(file), size);
}
int file_lock(sqlite3_file* file, int lock) { return methods(file).xLock(real(file), lock); }
int file_unlock(sqlite3_file* file, int lock) { return methods(file).xUnlock(real(file), lock); }
int file_reserved(sqlite3_file* file, int* result) {
  return methods(file).xCheckReservedLock(real(file), result);
}
int file_control(sqlite3_file* file, int operation, void* argument) {
  // The real file's own idea of growing ahead would go past the model.
  if (operation == SQLITE_FCNTL_SIZE_HINT) return SQLITE_OK;
  return methods(file).xFileControl(real(file), operation, argument);
}
int file_sector(sqlite3_file* file) { return methods(file).xSectorSize(real(file)); }
int file_characteristics(sqlite3_file* file) {
  return methods(file).xDeviceCharacteristics(real(file));
}

const sqlite3_io_methods file_methods = {1,
                                         file_close,
                                         file_read,
                                         file_write,
                                         file_truncate,
                                         file_sync,
                                         file_size,
                                         file_lock,
                                         file_unlock,
                                         file_reserved,
                                         file_control,
                                         file_sector,
                                         file_characteristics,
                                         nullptr,
                                         nullptr,
                                         nullptr,
                                         nullptr,
                                         nullptr,
                                         nullptr};

FaultVfs& faults_of(sqlite3_vfs* vfs) { return *static_cast<FaultVfs*>(vfs->pAppData); }

int vfs_open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  FaultVfs& faults = faults_of(vfs);
  FaultFile& me = self(file);
  me.base.pMethods = nullptr;
  me.faults = &faults;
  me.path = nullptr;
  const bool followed =
      name != nullptr && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
  bool existed = true;
  std::string content;
  if (followed) {
    existed = std::filesystem::exists(name);
    if (!existed && (flags & SQLITE_OPEN_CREATE) != 0) {
      if (const int error = faults.next(); error != SQLITE_OK) return SQLITE_CANTOPEN;
    }
    content = contents(name);
  }
  const int result = faults.real()->xOpen(faults.real(), name, me.real(), flags, out_flags);
  if (result != SQLITE_OK) return result;
  if (followed) {
    me.path = new std::string(name);
    faults.opened(*me.path, content, existed);
  }
  me.base.pMethods = &file_methods;
  return SQLITE_OK;
}

int vfs_delete(sqlite3_vfs* vfs, const char* name, int sync_directory) {
  FaultVfs& faults = faults_of(vfs);
  if (const int error = faults.next(); error != SQLITE_OK) return SQLITE_IOERR_DELETE;
  const int result = faults.real()->xDelete(faults.real(), name, 0);
  if (result == SQLITE_OK) faults.deleted(name, sync_directory != 0);
  return result;
}

}  // namespace

FaultVfs::FaultVfs() : real_(sqlite3_vfs_find(nullptr)), own_(*real_) {
  own_.zName = "faults";
  own_.pAppData = this;
  own_.szOsFile = static_cast<int>(sizeof(FaultFile)) + real_->szOsFile;
  own_.xOpen = vfs_open;
  own_.xDelete = vfs_delete;
  sqlite3_vfs_register(&own_, 1);
}

FaultVfs::~FaultVfs() {
  sqlite3_vfs_unregister(&own_);
  sqlite3_vfs_register(real_, 1);
}

void FaultVfs::start_counting() {
  const std::lock_guard lock(mutex_);
  operations_ = 0;
  fault_at_ = 0;
  crash_ = false;
  fired_ = false;
}

int FaultVfs::operations() {
  const std::lock_guard lock(mutex_);
  return operations_;
}

void FaultVfs::fail_at(int n, int code) {
  start_counting();
  const std::lock_guard lock(mutex_);
  fault_at_ = n;
  fault_code_ = code;
}

void FaultVfs::crash_at(int n) {
  fail_at(n, SQLITE_IOERR);
  const std::lock_guard lock(mutex_);
  crash_ = true;
}

bool FaultVfs::fired() {
  const std::lock_guard lock(mutex_);
  return fired_;
}

int FaultVfs::next() {
  const std::lock_guard lock(mutex_);
  ++operations_;
  if (fault_at_ == 0) return SQLITE_OK;
  const bool now = crash_ ? operations_ >= fault_at_ : operations_ == fault_at_;
  if (now) fired_ = true;
  return now ? fault_code_ : SQLITE_OK;
}

void FaultVfs::opened(const std::string& path, std::string_view content, bool existed) {
  const std::lock_guard lock(mutex_);
  files_.try_emplace(path, File{existed, std::string(content), {}});
}

void FaultVfs::wrote(const std::string& path, std::int64_t offset, std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  files_[path].unsynced.push_back({offset, std::string(bytes), false});
}

/// The write during which the crash came: a part may have got there.  Later ones never happened.
void FaultVfs::tore(const std::string& path, std::int64_t offset, std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  if (crash_ && operations_ == fault_at_) {
    files_[path].unsynced.push_back({offset, std::string(bytes), false});
  }
}

void FaultVfs::truncated(const std::string& path, std::int64_t size) {
  const std::lock_guard lock(mutex_);
  files_[path].unsynced.push_back({size, {}, true});
}

void FaultVfs::synced(const std::string& path) {
  const std::lock_guard lock(mutex_);
  File& file = files_[path];
  for (const Change& change : file.unsynced) apply(file.durable, change);
  file.unsynced.clear();
  file.exists =
      true;  // the first sync of a new file takes its directory along (SQLite's os_unix.c)
}

void FaultVfs::deleted(const std::string& path, bool durably) {
  const std::lock_guard lock(mutex_);
  if (durably) {
    files_.erase(path);
  } else {
    files_[path].unsynced.push_back({0, {}, true});  // an empty journal is as good as none
  }
}

void FaultVfs::apply(std::string& content, const Change& change) {
  const auto offset = static_cast<std::size_t>(change.offset);
  if (change.truncates) {
    content.resize(offset);
    return;
  }
  if (content.size() < offset + change.bytes.size()) content.resize(offset + change.bytes.size());
  content.replace(offset, change.bytes.size(), change.bytes);
}

void FaultVfs::settle(const std::string& path, File& file, Loss loss, std::mt19937& random) {
  if (loss == Loss::some) {
    for (const Change& change : file.unsynced) {
      if (random() % 2 == 0) continue;
      apply(file.durable, change);
      file.exists = true;
    }
  }
  if (!file.exists) {
    std::filesystem::remove(path);
    return;
  }
  std::ofstream stream(path, std::ios::binary | std::ios::trunc);
  stream.write(file.durable.data(), static_cast<std::streamsize>(file.durable.size()));
}

void FaultVfs::power_returns(Loss loss, unsigned seed) {
  start_counting();
  const std::lock_guard lock(mutex_);
  std::mt19937 random(seed);
  if (loss != Loss::nothing) {
    for (auto& [path, file] : files_) settle(path, file, loss, random);
  }
  files_.clear();
}

void FaultVfs::forget() {
  const std::lock_guard lock(mutex_);
  files_.clear();
}

}  // namespace sendonce::outbox
