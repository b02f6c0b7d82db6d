// `Result<T>`: a value or an Error.  The only header that knows the implementation (tl::expected,
// because <expected> does not compile under clang 14).  Nothing in the core throws for an expected
// failure.

#pragma once

#include <tl/expected.hpp>
#include <utility>

#include "base/error.hh"

namespace sendonce {

template <class T>
using Result = tl::expected<T, Error>;

using Status = Result<void>;

/// The failed Result of an error: `return fail(Cause::timed_out, Phase::connect, "...")`.
inline tl::unexpected<Error> fail(Cause cause, Phase phase, std::string message,
                                  std::string reply = {}) {
  return tl::unexpected<Error>(Error{cause, phase, std::move(message), std::move(reply)});
}

inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace sendonce
