// Names of causes and phases, as Lisp and the outbox see them.  Pure data.

#include "base/error.hh"

namespace sendonce {

std::string_view cause_name(Cause cause) {
  switch (cause) {
    case Cause::internal:
      return "internal";
    case Cause::bad_argument:
      return "bad-argument";
    case Cause::cancelled:
      return "cancelled";
    case Cause::declined:
      return "declined";
    case Cause::timed_out:
      return "timed-out";
    case Cause::name_not_found:
      return "name-not-found";
    case Cause::name_service:
      return "name-service";
    case Cause::connection_refused:
      return "connection-refused";
    case Cause::unreachable:
      return "unreachable";
    case Cause::connection_lost:
      return "connection-lost";
    case Cause::tls_failed:
      return "tls-failed";
    case Cause::tls_unavailable:
      return "tls-unavailable";
    case Cause::not_tls:
      return "not-tls";
    case Cause::implicit_tls:
      return "implicit-tls";
    case Cause::tls_version:
      return "tls-version";
    case Cause::certificate:
      return "certificate";
    case Cause::protocol:
      return "protocol";
    case Cause::auth_unavailable:
      return "auth-unavailable";
    case Cause::auth_failed:
      return "auth-failed";
    case Cause::refused:
      return "refused";
    case Cause::refused_for_now:
      return "refused-for-now";
    case Cause::too_large:
      return "too-large";
    case Cause::needs_smtputf8:
      return "needs-smtputf8";
    case Cause::needs_8bitmime:
      return "needs-8bitmime";
    case Cause::storage:
      return "storage";
    case Cause::storage_full:
      return "storage-full";
  }
  return "internal";
}

std::string_view phase_name(Phase phase) {
  switch (phase) {
    case Phase::none:
      return "none";
    case Phase::resolve:
      return "resolve";
    case Phase::connect:
      return "connect";
    case Phase::greeting:
      return "greeting";
    case Phase::hello:
      return "hello";
    case Phase::starttls:
      return "starttls";
    case Phase::tls:
      return "tls";
    case Phase::sign_in:
      return "sign-in";
    case Phase::mail:
      return "mail";
    case Phase::recipients:
      return "recipients";
    case Phase::data:
      return "data";
    case Phase::body:
      return "body";
    case Phase::end_of_data:
      return "end-of-data";
    case Phase::reset:
      return "reset";
    case Phase::quit:
      return "quit";
  }
  return "none";
}

}  // namespace sendonce
