// The engine: schedules attempts and owns the threads that carry them out.
//
// Threads: one that schedules (asleep while nothing is due), one for each line to a server; they
// start with the first entry and are joined by `stop`.  All public calls are for the Lisp thread;
// none waits for the network, and none but `stop` waits longer than one commit of the outbox takes.
// Never sees Emacs: it tells what happens through the EventSink.

#pragma once

#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.hh"
#include "base/synchronised.hh"
#include "engine/checkup.hh"
#include "engine/convoy.hh"
#include "engine/delivery.hh"
#include "engine/events.hh"
#include "engine/large_message.hh"
#include "engine/line_pool.hh"
#include "engine/preconnect.hh"
#include "engine/questions.hh"
#include "engine/retry.hh"
#include "net/network_watch.hh"
#include "outbox/outbox.hh"

namespace sendonce::engine {

struct Policy {
  Schedule schedule;
  double warn_after = 4 * 3600;           ///< seconds
  double give_up_after = 5 * 24 * 3600.;  ///< seconds
};

class Engine : private Convoy::Host {
 public:
  Engine(std::unique_ptr<outbox::Outbox> outbox, std::shared_ptr<EventSink> sink);
  ~Engine() override;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  void configure(Policy policy);
  /// Barrier (1), then an attempt as soon as a line is free.  Errors: bad_argument (an address, a
  /// setting or a NUL in the message, named), storage, storage_full: nothing was taken.
  Result<EntryId> enqueue(const outbox::Submission& submission, std::string_view message);
  /// The same for a large message, on a thread of its own: gives a number at once; Stored tells the
  /// rest.  Errors at once: bad_argument, cancelled.
  Result<std::int64_t> store(const outbox::Submission& submission, LargeMessage message);
  /// Tries ID, or all that is unsent and not in doubt, now; how many were made due.
  Result<int> flush(std::optional<EntryId> id);
  /// True: withdrawn entirely.  False: somebody had passed the commit point.
  Result<bool> cancel(EntryId id);
  Result<int> settle(EntryId id, outbox::State from, outbox::State to);
  Status set_next_try(EntryId id, double time);
  void answer(QuestionId question, std::optional<Secret> answer);
  /// Checks the account of SETTINGS, sends nothing; the checkup's number, which is below 0, comes
  /// back with what it tells and asks.  `cancel` takes it, too.
  Result<EntryId> check(const std::string& settings);
  /// Opens a line for the account of SETTINGS ahead, unless one is there: it waits for a message
  /// for some minutes.  What goes wrong is not told.  Asks with a number below 0.  Errors:
  /// bad_argument.
  Status open_ahead(const std::string& settings);
  /// Ends lines for the account of SETTINGS that were opened ahead and have carried nothing.
  void drop_ahead(const std::string& settings);
  Result<std::string> transcript(EntryId id);
  /// Attempts that run, and how many of them are between commit point and reply.
  std::pair<int, int> running();
  /// Ends all within SPAN: what has not passed the commit point stays deferred, due at the next
  /// start; what has is waited for, then left in doubt.  Afterwards nothing runs.  True: nothing
  /// was cut short.
  bool stop(Milliseconds span);
  /// Did `stop` leave a thread behind that would not end (a KDC or a token that does not answer)?
  /// Then this must not be destroyed any more.
  [[nodiscard]] bool abandoned() const { return abandoned_; }

  outbox::Outbox& outbox() { return *outbox_; }

 private:
  struct Worker {
    std::thread thread;
    std::shared_ptr<std::atomic<bool>> over;
  };
  struct State {
    std::map<EntryId, std::shared_ptr<Delivery>> running;
    std::map<EntryId, std::shared_ptr<Checkup>> checkups;
    std::map<std::string, std::shared_ptr<Preconnect>> ahead;  // under way, by settings
    EntryId last_checkup = 0;                                  // and line opened ahead
    std::int64_t last_store = 0;
    std::list<Worker> workers;
    std::set<EntryId>
        fresh;  // queued by this Emacs and not tried yet: their settings are up to date
    std::map<std::string, int> lines;  // at work, by server
    Policy policy;
    std::thread scheduler;
    std::thread watcher;
    bool kicked = false;
    bool stopping = false;
  };

  Surroundings surroundings() { return {*outbox_, *sink_, questions_, tickets_, lines_}; }
  void kick();
  void schedule();
  void start_threads(State& state);
  void watch_network();
  void network_changed();
  void recover();
  Result<EntryId> taken(Result<EntryId> id);
  bool start_due(double now);
  [[nodiscard]] bool has_free_line(const std::string& server, const outbox::DueGroup& group);
  bool start(EntryId id, const std::string& server);
  Status start_line(outbox::Attempt attempt, const std::string& server);
  void carry(const std::shared_ptr<Delivery>& first, const std::string& server);
  void work(const std::shared_ptr<Checkup>& checkup, EntryId number);
  void work(const std::shared_ptr<Preconnect>& preconnect);
  template <class Work>
  void start_worker(State& state, Work work);
  std::shared_ptr<Checkup> find_checkup(EntryId number);
  void give_back(const outbox::Attempt& attempt, const Error& error);

  // for the convoys
  bool wants_more() override;
  std::shared_ptr<Delivery> join(outbox::Attempt attempt) override;
  void plan(outbox::AttemptEnd& end, const outbox::Attempt& attempt) override;
  void record(const outbox::Attempt& attempt, const outbox::AttemptEnd& end) override;
  void over(const outbox::Attempt& attempt, const outbox::AttemptEnd& end) override;

  bool pause_unless_stopping();
  void reap();
  void join_or_abandon(Deadline deadline);
  void sleep_until_due(double now, bool all_started);
  void stop_scheduling();
  std::shared_ptr<Delivery> find(EntryId id);
  bool wait_until_quiet(Deadline deadline);

  std::unique_ptr<outbox::Outbox> outbox_;
  std::shared_ptr<EventSink> sink_;
  Questions questions_;
  std::shared_ptr<net::TicketStore> tickets_;
  LinePool lines_;
  std::optional<net::NetworkWatch> network_;
  std::atomic<bool> abandoned_ = false;
  Synchronised<State> state_;
};

}  // namespace sendonce::engine
