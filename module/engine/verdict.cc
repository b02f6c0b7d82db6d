// See verdict.hh.

#include "engine/verdict.hh"

#include <algorithm>
#include <charconv>
#include <iterator>

namespace sendonce::engine {

using Verdict = smtp::RecipientOutcome::Verdict;
using outbox::Outcome;
using outbox::State;

outbox::State disposition(const Error& error) {
  switch (error.cause) {
    case Cause::refused:
    case Cause::too_large:
    case Cause::needs_smtputf8:
    case Cause::needs_8bitmime:
    case Cause::bad_argument:
    case Cause::certificate:
    case Cause::tls_unavailable:
    case Cause::not_tls:
    case Cause::implicit_tls:
    case Cause::tls_version:
    case Cause::auth_failed:
    case Cause::auth_unavailable:
      return State::failed;
    case Cause::cancelled:
    case Cause::declined:
    case Cause::internal:
    case Cause::timed_out:
    case Cause::name_not_found:
    case Cause::name_service:
    case Cause::connection_refused:
    case Cause::unreachable:
    case Cause::connection_lost:
    case Cause::tls_failed:
    case Cause::protocol:
    case Cause::refused_for_now:
    case Cause::storage:
    case Cause::storage_full:
      return State::deferred;
  }
  return State::deferred;
}

bool is_about_network(std::string_view cause) {
  constexpr Cause of_network[] = {
      Cause::name_not_found,  Cause::name_service, Cause::connection_refused, Cause::unreachable,
      Cause::connection_lost, Cause::timed_out,    Cause::tls_failed};
  return std::any_of(std::begin(of_network), std::end(of_network),
                     [&](Cause one) { return cause_name(one) == outbox::cause_of(cause); });
}

std::string error_line(const Error& error) {
  return error.reply.empty() ? error.message : error.message + ": " + error.reply;
}

namespace {

/// The reply code that the reply's text begins with, 0 without one.
int code_of(const std::string& reply) {
  int code = 0;
  std::from_chars(reply.data(), reply.data() + std::min<std::size_t>(3, reply.size()), code);
  return code >= 200 && code <= 599 ? code : 0;
}

State state_of(const smtp::RecipientOutcome& found) {
  switch (found.verdict) {
    case Verdict::accepted:
      return State::sent;
    case Verdict::refused:
      return State::failed;
    case Verdict::refused_for_now:
    case Verdict::next_time:
      return State::deferred;
    case Verdict::in_doubt:
      return State::in_doubt;
    case Verdict::not_tried:
      return found.error ? disposition(*found.error) : State::deferred;
  }
  return State::deferred;
}

}  // namespace

Outcome outcome_of(const Error& error) {
  return {disposition(error), code_of(error.reply), error_line(error)};
}

Outcome outcome_of(const smtp::RecipientOutcome& found) {
  if (found.reply) return {state_of(found), found.reply->code, found.reply->summary()};
  if (!found.error) return {state_of(found), 0, {}};
  return {state_of(found), code_of(found.error->reply), error_line(*found.error)};
}

}  // namespace sendonce::engine
