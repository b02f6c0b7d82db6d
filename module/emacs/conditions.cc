// See conditions.hh.

#include "emacs/conditions.hh"

namespace sendonce::emacs {

const char* condition_of(Cause cause) {
  switch (cause) {
    case Cause::bad_argument:
      return "sendonce-config-error";
    case Cause::internal:
    case Cause::storage:
    case Cause::storage_full:
      return "sendonce-module-error";
    case Cause::refused:
      return "sendonce-refused";
    default:
      return "sendonce-error";
  }
}

}  // namespace sendonce::emacs
