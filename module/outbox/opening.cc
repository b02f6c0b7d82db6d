// See opening.hh.

#include "outbox/opening.hh"

#include <chrono>
#include <cstdio>
#include <optional>

#include "base/clock.hh"
#include "outbox/os.hh"
#include "outbox/schema.hh"

namespace sendonce::outbox {

namespace {

constexpr Milliseconds gate_patience{10'000};

tl::unexpected<Error> refuse(std::string message) {
  return fail(Cause::storage, Phase::none, std::move(message));
}

/// There, private, and with one name.  Two names for one file would mean two sets of owner locks
/// (and of journals), and each Emacs would take the other for dead.
Status prepare_file(const std::string& path) {
  auto facts = os::inspect(path);
  if (!facts) return fail(facts.error());
  if (facts->kind == os::Kind::missing) return os::create_private_file(path);
  if (facts->kind == os::Kind::other) {
    return refuse(path + " is not a file; move it away or choose another sendonce-directory");
  }
  if (facts->kind == os::Kind::link || facts->has_aliases) {
    return refuse(path + " is a link; let sendonce-directory name, or link to, its real directory");
  }
  return facts->is_public ? os::make_private(path) : Status{};
}

std::string timestamp() {
  using namespace std::chrono;
  const auto now = floor<seconds>(system_clock::now());
  const auto day = floor<days>(now);
  const year_month_day date(day);
  const hh_mm_ss time(now - day);
  std::string text(32, '\0');
  const int length = std::snprintf(
      text.data(), text.size(), "%04d%02u%02uT%02d%02d%02d", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
      static_cast<int>(time.seconds().count()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

Result<bool> exists(const std::string& path) {
  auto facts = os::inspect(path);
  if (!facts) return fail(facts.error());
  return facts->kind != os::Kind::missing;
}

Result<std::string> name_aside(const std::string& path) {
  const std::string base = path + ".damaged-" + timestamp();
  for (int number = 1;; ++number) {
    std::string name = number == 1 ? base : base + "-" + std::to_string(number);
    auto taken = exists(name);
    if (!taken) return fail(taken.error());
    if (!*taken) return name;
  }
}

/// The journal first: were it left behind, SQLite could roll it into the new file.
Result<std::string> set_aside(const std::string& path) {
  auto aside = name_aside(path);
  if (!aside) return aside;
  auto journal = exists(path + "-journal");
  if (!journal) return fail(journal.error());
  if (*journal) {
    if (auto moved = os::rename_file(path + "-journal", *aside + "-journal"); !moved) {
      return fail(moved.error());
    }
  }
  if (auto moved = os::rename_file(path, *aside); !moved) return fail(moved.error());
  return aside;
}

/// Why the file cannot be used as it is; "" if it can.  Chunks are left out: they are the bulk, and
/// damage in one of them is an error for that message alone.
std::string damage_in(Database& database) {
  for (const std::string_view check :
       {"PRAGMA quick_check('entry')", "PRAGMA quick_check('recipient')",
        "PRAGMA quick_check('attempt')"}) {
    std::string verdict = database.text(check);
    if (!database.failed() && verdict != "ok") return verdict;
  }
  return {};
}

/// What `examine` found: a usable database, or why the file must go aside.
struct Examined {
  std::unique_ptr<Database> database;
  std::string unusable;
};

Result<Examined> unusable_or_error(const Database& database) {
  if (database.damaged()) return Examined{nullptr, "damaged"};
  return fail(database.status().error());
}

Status check_version(const Origin& origin, const std::string& path, const Owners& owners) {
  const auto known = static_cast<std::int64_t>(schema_steps().size());
  if (origin.version > known) {
    return refuse(path + " was written by a newer sendonce (format " +
                  std::to_string(origin.version) + ", this one knows " + std::to_string(known) +
                  "); it was not touched: update sendonce here");
  }
  if (!origin.empty && origin.version < known && !owners.alone()) {
    return refuse(path + " is of an older format and in use by another Emacs; end that one first");
  }
  return {};
}

/// Never a write-ahead log, whatever another program has set: versions of SQLite before 3.51.3 can
/// damage the file when two processes write.
Status set_journal_mode(Database& database, const std::string& path) {
  const std::string mode = database.text("PRAGMA journal_mode = PERSIST");
  if (auto good = database.status(); !good) return good;
  if (mode == "persist") return {};
  return refuse(path + " is in journal mode " + mode + "; end the programs that have it open");
}

Result<Examined> examine(const std::string& path, const Owners& owners) {
  auto opened = Database::open(path);
  if (!opened) return fail(opened.error());
  Database& database = **opened;
  const Origin origin = origin_of(database);
  if (database.failed()) return unusable_or_error(database);
  if (!origin.empty && !origin.ours) return Examined{nullptr, "not an outbox of sendonce"};
  if (auto good = check_version(origin, path, owners); !good) return fail(good.error());
  if (auto good = set_journal_mode(database, path); !good) return fail(good.error());
  if (auto good = migrate(database); !good) {
    return database.damaged() ? unusable_or_error(database) : fail(good.error());
  }
  std::string damage = damage_in(database);
  if (database.failed()) return unusable_or_error(database);
  if (!damage.empty()) return Examined{nullptr, "damaged (" + damage + ")"};
  return Examined{std::move(*opened), {}};
}

std::string aside_notice(const std::string& path, const std::string& aside,
                         const std::string& why) {
  return path + " was " + why + ".  It was set aside as " + aside +
         " and a new outbox was begun at " + path +
         "; mail that waited in the old one is not sent by itself.\n";
}

/// Opens PATH, or sets it aside and opens a new one in its place.
Result<Examined> open_or_replace(const std::string& path, const Owners& owners,
                                 std::string& notice) {
  if (auto ready = prepare_file(path); !ready) return fail(ready.error());
  auto examined = examine(path, owners);
  if (!examined || examined->database) return examined;
  const std::string why = examined->unusable;
  if (!owners.alone()) {
    return refuse(path + " is " + why + ", and another Emacs has it open; end that one first");
  }
  auto aside = set_aside(path);
  if (!aside) return fail(aside.error());
  notice += aside_notice(path, *aside, why);
  if (auto ready = prepare_file(path); !ready) return fail(ready.error());
  return examine(path, owners);
}

std::string network_notice(const std::string& directory) {
  if (!os::on_network(directory)) return {};
  return directory +
         " is on a network file system: use it from one machine at a time, or choose a local "
         "sendonce-directory.\n";
}

}  // namespace

Result<Opened> open_file(const std::string& directory) {
  auto home = os::make_private_directory(directory);
  if (!home) return fail(home.error());
  auto gate = os::lock_file(*home + "/outbox.lock", Deadline::after(gate_patience));
  if (!gate) return fail(gate.error());
  auto owners = Owners::enter(*home);
  if (!owners) return fail(owners.error());
  std::string notice = network_notice(*home);
  auto examined = open_or_replace(*home + "/outbox.sqlite", *owners, notice);
  if (!examined) return fail(examined.error());
  if (!examined->database) return refuse(*home + "/outbox.sqlite: " + examined->unusable);
  return Opened{std::move(examined->database), std::move(*owners), std::move(notice)};
}

}  // namespace sendonce::outbox
