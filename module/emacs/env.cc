// See env.hh.

#include "emacs/env.hh"

#include <algorithm>

#include "base/text.hh"
#include "emacs/conditions.hh"

namespace sendonce::emacs {

bool Env::leaving() const { return env_->non_local_exit_check(env_) != emacs_funcall_exit_return; }

emacs_value Env::symbol(const char* name) const { return env_->intern(env_, name); }

emacs_value Env::symbol(std::string_view name) const { return symbol(std::string(name).c_str()); }

emacs_value Env::integer(std::int64_t value) const { return env_->make_integer(env_, value); }

emacs_value Env::number(double value) const { return env_->make_float(env_, value); }

emacs_value Env::text(std::string_view utf8) const {
  if (!is_utf8(utf8)) return text(printable(utf8, utf8.size()));
  return env_->make_string(env_, utf8.data(), static_cast<std::ptrdiff_t>(utf8.size()));
}

emacs_value Env::bytes(std::string_view unibyte) const {
  return env_->make_unibyte_string(env_, unibyte.data(),
                                   static_cast<std::ptrdiff_t>(unibyte.size()));
}

emacs_value Env::list(const std::vector<emacs_value>& items) const {
  std::vector<emacs_value> arguments = items;
  return env_->funcall(env_, symbol("list"), static_cast<std::ptrdiff_t>(arguments.size()),
                       arguments.data());
}

emacs_value Env::call(const char* function, std::initializer_list<emacs_value> arguments) const {
  std::vector<emacs_value> copied(arguments);
  return env_->funcall(env_, symbol(function), static_cast<std::ptrdiff_t>(copied.size()),
                       copied.data());
}

void Env::signal(const Error& error) const {
  emacs_value data = list({text(error.message), symbol(":cause"), symbol(cause_name(error.cause)),
                           symbol(":phase"), symbol(phase_name(error.phase)), symbol(":reply"),
                           text(error.reply)});
  env_->non_local_exit_signal(env_, symbol(condition_of(error.cause)), data);
}

bool Env::is_nil(emacs_value value) const { return !env_->is_not_nil(env_, value); }

std::int64_t Env::to_integer(emacs_value value) const { return env_->extract_integer(env_, value); }

double Env::to_number(emacs_value value) const {
  return env_->extract_float(env_, call("float", {value}));
}

std::string Env::to_string(emacs_value value) const {
  std::ptrdiff_t size = 0;
  if (!env_->copy_string_contents(env_, value, nullptr, &size)) return {};
  std::string contents(static_cast<std::size_t>(size), '\0');
  if (!env_->copy_string_contents(env_, value, contents.data(), &size)) return {};
  contents.resize(static_cast<std::size_t>(size) - 1);  // it counts the NUL at the end
  return contents;
}

std::string Env::to_string_or_empty(emacs_value value) const {
  return leaving() || is_nil(value) ? std::string() : to_string(value);
}

Secret Env::to_secret(emacs_value value) const {
  std::ptrdiff_t size = 0;
  if (!env_->copy_string_contents(env_, value, nullptr, &size)) return {};
  Secret secret(static_cast<std::size_t>(size) - 1);
  env_->copy_string_contents(env_, value, secret.writable(), &size);
  return secret;
}

std::string Env::symbol_name(emacs_value value) const {
  return to_string(call("symbol-name", {value}));
}

std::vector<emacs_value> Env::to_list(emacs_value value) const {
  std::vector<emacs_value> items;
  for (emacs_value rest = value; !leaving() && !is_nil(rest); rest = call("cdr", {rest})) {
    items.push_back(call("car", {rest}));
  }
  return items;
}

emacs_value Env::element(emacs_value vector, std::ptrdiff_t index) const {
  return env_->vec_get(env_, vector, index);
}

}  // namespace sendonce::emacs
