// A thin wrapper of emacs_env, alive for one call from Lisp.
//
// Only the Lisp thread has one.  After any call a non-local exit may be pending (an error in Lisp,
// a quit); every function here then does nothing harmful, and the fence (exports.cc) returns to
// Lisp.

#pragma once

#include <emacs-module.h>

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hh"
#include "base/secret.hh"

namespace sendonce::emacs {

class Env {
 public:
  explicit Env(emacs_env* env) : env_(env) {}

  [[nodiscard]] emacs_env* raw() const { return env_; }
  /// Is an error or a quit on its way to Lisp?
  [[nodiscard]] bool leaving() const;

  // --- to Lisp
  emacs_value symbol(const char* name) const;
  emacs_value symbol(std::string_view name) const;
  emacs_value nil() const { return symbol("nil"); }
  emacs_value boolean(bool value) const { return symbol(value ? "t" : "nil"); }
  emacs_value integer(std::int64_t value) const;
  emacs_value number(double value) const;
  /// Text; what is no UTF-8 is quoted first, so that no server's bytes can signal here.
  emacs_value text(std::string_view utf8) const;
  emacs_value bytes(std::string_view unibyte) const;
  emacs_value list(const std::vector<emacs_value>& items) const;
  emacs_value call(const char* function, std::initializer_list<emacs_value> arguments) const;
  void signal(const Error& error) const;

  // --- from Lisp; each leaves an error pending where the type is wrong
  [[nodiscard]] bool is_nil(emacs_value value) const;
  [[nodiscard]] std::int64_t to_integer(emacs_value value) const;
  [[nodiscard]] double to_number(emacs_value value) const;
  [[nodiscard]] std::string to_string(emacs_value value) const;
  [[nodiscard]] std::string to_string_or_empty(emacs_value value) const;
  [[nodiscard]] Secret to_secret(emacs_value value) const;
  [[nodiscard]] std::string symbol_name(emacs_value value) const;
  [[nodiscard]] std::vector<emacs_value> to_list(emacs_value value) const;
  [[nodiscard]] emacs_value element(emacs_value vector, std::ptrdiff_t index) const;

 private:
  emacs_env* env_;
};

}  // namespace sendonce::emacs
