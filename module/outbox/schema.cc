// See schema.hh.

#include "outbox/schema.hh"

#include <array>
#include <string>

namespace sendonce::outbox {

namespace {

// Two laws of DESIGN.md section 1 stand in the schema itself, so that no version of the program and
// no race can break them: attempt_open lets one attempt at a time work on an entry, sent_stays
// keeps what is sent.  entry.due is null unless recipients wait and no attempt is open: the
// engine's alarm clock is one step into entry_due, however many entries there are.
constexpr const char* version_1 = R"sql(
CREATE TABLE entry (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice: Lisp remembers them
  account     TEXT    NOT NULL,
  settings    TEXT    NOT NULL,
  sender      TEXT    NOT NULL,
  message_id  TEXT    NOT NULL,
  subject     TEXT    NOT NULL,
  draft       TEXT    NOT NULL,
  fingerprint TEXT    NOT NULL,
  octets      INTEGER NOT NULL,
  created     REAL    NOT NULL,                   -- seconds since the epoch, here and below
  last_try    REAL    NOT NULL DEFAULT 0,
  due         REAL,
  resolved    REAL    NOT NULL DEFAULT 0,
  warned      INTEGER NOT NULL DEFAULT 0,
  attempts    INTEGER NOT NULL DEFAULT 0,
  cause       TEXT    NOT NULL DEFAULT ''
);
CREATE INDEX entry_due ON entry (due) WHERE due IS NOT NULL;
CREATE INDEX entry_draft ON entry (draft) WHERE draft <> '';
CREATE INDEX entry_fingerprint ON entry (fingerprint) WHERE fingerprint <> '';

CREATE TABLE recipient (
  entry     INTEGER NOT NULL REFERENCES entry ON DELETE CASCADE,
  place     INTEGER NOT NULL,
  address   TEXT    NOT NULL,
  state     TEXT    NOT NULL DEFAULT 'queued' CHECK (state IN
              ('queued', 'sending', 'sent', 'deferred', 'failed', 'in-doubt', 'cancelled')),
  code      INTEGER NOT NULL DEFAULT 0,
  reply     TEXT    NOT NULL DEFAULT '',
  attempt   INTEGER,                              -- the last that had it; null: none has a say
  committed INTEGER NOT NULL DEFAULT 0,           -- that attempt passed barrier (2) with it
  wish      INTEGER NOT NULL DEFAULT 0,           -- to be cancelled, if that is still possible
  PRIMARY KEY (entry, place)
) WITHOUT ROWID;
CREATE TRIGGER sent_stays BEFORE UPDATE OF state ON recipient
  WHEN OLD.state = 'sent' AND NEW.state <> 'sent'
  BEGIN SELECT RAISE(IGNORE); END;

CREATE TABLE chunk (
  entry INTEGER NOT NULL REFERENCES entry ON DELETE CASCADE,
  seq   INTEGER NOT NULL,
  data  BLOB    NOT NULL,
  PRIMARY KEY (entry, seq)
);

CREATE TABLE attempt (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  entry      INTEGER NOT NULL REFERENCES entry ON DELETE CASCADE,
  owner      TEXT    NOT NULL,
  started    REAL    NOT NULL,
  committing REAL,                                -- barrier (2), the first if it passed several
  ended      REAL,
  cause      TEXT    NOT NULL DEFAULT '',
  transcript TEXT    NOT NULL DEFAULT ''
);
CREATE INDEX attempt_entry ON attempt (entry);
CREATE UNIQUE INDEX attempt_open ON attempt (entry) WHERE ended IS NULL;

CREATE TABLE finding (
  server TEXT NOT NULL,
  key    TEXT NOT NULL,
  value  TEXT NOT NULL,
  found  REAL NOT NULL,
  PRIMARY KEY (server, key)
) WITHOUT ROWID;
)sql";

// What is not at rest is counted at each change, however much is kept that is.
constexpr const char* version_2 = R"sql(
CREATE INDEX entry_open ON entry (id) WHERE resolved = 0;
)sql";

// What engine/ found out about a large message while it was stored; "" where it has to look again.
constexpr const char* version_3 = R"sql(
ALTER TABLE entry ADD COLUMN facts TEXT NOT NULL DEFAULT '';
)sql";

constexpr std::array known_steps{version_1, version_2, version_3};

}  // namespace

std::span<const char* const> schema_steps() { return known_steps; }

Origin origin_of(Database& database) {
  const std::int64_t id = database.number("PRAGMA application_id");
  Origin origin;
  origin.version = database.number("PRAGMA user_version");
  origin.ours = id == application_id;
  origin.empty =
      id == 0 && origin.version == 0 && database.number("SELECT count(*) FROM sqlite_master") == 0;
  return origin;
}

Status migrate(Database& database, std::span<const char* const> steps) {
  // So that forgetting can give room back; to be said before there are tables.
  if (origin_of(database).empty) database.script("PRAGMA auto_vacuum = INCREMENTAL");
  Transaction transaction(database, Access::write);
  // Read again under the write lock: what was seen before may be old.
  const auto version = static_cast<std::size_t>(database.number("PRAGMA user_version"));
  if (version >= steps.size()) return database.status();
  for (const char* step : steps.subspan(version)) database.script(step);
  database.script("PRAGMA application_id = " + std::to_string(application_id));
  database.script("PRAGMA user_version = " + std::to_string(steps.size()));
  return transaction.commit();
}

}  // namespace sendonce::outbox
