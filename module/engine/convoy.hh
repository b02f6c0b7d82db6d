// Messages that follow each other on one line to a server.
//
// `run` is the body of a line thread: it takes a line for its first delivery (one that was kept, or
// a new one), carries it, and goes on with what else is due by the same account as long as the
// server allows.  Where the server pipelines, the next envelope follows the end of the last message
// at once (RFC 2920 3.1); no more messages than the account's window are ever beyond their commit
// point.
//
// The journal is written once a message: the outcome of the one before, the barrier of this one and
// the claim of the next are one durable change.  An outcome waits for that only as long as nothing
// has to be waited for; before every wait for the server what has ended is recorded.
//
// Owned by one thread.  What the engine adds (policy, events, who runs) is the Host's.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/approach.hh"
#include "engine/delivery.hh"
#include "engine/line_pool.hh"

namespace sendonce::engine {

class Convoy {
 public:
  /// What the engine does for a convoy, on the convoy's thread.
  class Host {
   public:
    virtual ~Host() = default;
    /// May it claim another message?  Not when the engine is to stop.
    virtual bool wants_more() = 0;
    /// Makes a delivery of what was claimed, which runs from now on; nullptr: it was given back.
    virtual std::shared_ptr<Delivery> join(outbox::Attempt attempt) = 0;
    /// Adds to END what policy says.
    virtual void plan(outbox::AttemptEnd& end, const outbox::Attempt& attempt) = 0;
    /// Barrier (3) of one attempt, tried until it holds or the engine stops.
    virtual void record(const outbox::Attempt& attempt, const outbox::AttemptEnd& end) = 0;
    /// It is recorded, and runs no more.
    virtual void over(const outbox::Attempt& attempt, const outbox::AttemptEnd& end) = 0;
  };

  Convoy(Surroundings surroundings, Host& host, std::shared_ptr<Delivery> first);
  /// Until there is nothing more to carry.  All outcomes are recorded then; those of the last
  /// messages are told by `announce`.
  void run();
  /// After `run`: the line, if it may carry another message; else it is closed, with QUIT.
  std::optional<KeptLine> release();
  /// Tells the host who is over.
  void announce();

  /// What a line must have in common with ours to be used instead.
  [[nodiscard]] const std::string& line_key() const { return leader_->settings_text(); }
  [[nodiscard]] Seconds keep_alive() const { return leader_->settings().keep_alive; }

 private:
  struct Member {
    std::shared_ptr<Delivery> delivery;
    bool prepared = false;
    bool begun = false;
  };
  struct Ended {
    std::shared_ptr<Delivery> delivery;
    outbox::AttemptEnd end;
  };

  // the line
  void go_on();
  Status take_line();
  bool adopt_line();
  [[nodiscard]] Dialogue::Watcher watcher(const std::shared_ptr<Delivery>& delivery);
  [[nodiscard]] bool has_room();
  [[nodiscard]] bool may_carry_after(std::size_t count);
  [[nodiscard]] bool line_has_ended() const;

  // what it carries
  void carry();
  void decide(const smtp::Output& output);
  bool before_wait();
  void begin_next();
  bool wants_proof(const Member& member);
  bool begin(std::size_t place);
  Status make_ready(Member& member);
  void pass_barrier(const std::vector<std::size_t>& recipients);
  void transaction_ended(const smtp::TransactionEnded& ended);
  bool starts_over(Member& member);
  void join(std::optional<outbox::Attempt> attempt);
  void find_another();
  [[nodiscard]] std::size_t first_begun() const;
  [[nodiscard]] Member& last_begun();
  [[nodiscard]] std::size_t next_place() const;

  // what has ended
  void end_member(std::size_t place, const Status& status);
  void end_all(const Error& error);
  [[nodiscard]] outbox::Step ends() const;
  void ends_are_recorded();
  void record_ends();

  Surroundings surroundings_;
  Host& host_;
  std::vector<Member> members_;       // those begun, in the order of the session, then the others
  std::shared_ptr<Delivery> leader_;  // whose settings and transcript the approach refers to
  std::shared_ptr<Delivery> last_;    // that ended
  std::shared_ptr<Delivery>
      heard_;  // the last that ended of those begun: the dialogue refers to it
  std::optional<Approach> approach_;
  std::shared_ptr<net::Wake> wake_;  // ends the line's waits
  bool had_line_ = false;            // so that the next is a new one
  bool kept_ = false;                // the line had rested
  bool carried_ = false;             // the line has carried a message before
  bool probed_ = false;              // the line was asked since whether it lives
  bool spent_ = false;               // the line carries no more
  std::vector<Ended> ended_;         // not recorded yet
  std::vector<Ended> recorded_;      // and not told yet
};

}  // namespace sendonce::engine
