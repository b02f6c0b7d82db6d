// The way to a sound, writable outbox.sqlite of our version, from whatever lies in the directory.
//
// Runs once an Outbox, under a gate (DIRECTORY/outbox.lock) that one process at a time passes.
// Becomes an owner before it looks at the file, so a file is set aside, or brought to a new
// version, only while nobody else can have it open: SQLite's journal goes by name, and a process
// that still used a renamed file would spoil the new one.  Nothing is ever overwritten.

#pragma once

#include <memory>
#include <string>

#include "base/result.hh"
#include "outbox/database.hh"
#include "outbox/owners.hh"

namespace sendonce::outbox {

struct Opened {
  std::unique_ptr<Database> database;
  Owners owners;
  std::string notice;  ///< for the user, "" for nothing
};

Result<Opened> open_file(const std::string& directory);

}  // namespace sendonce::outbox
