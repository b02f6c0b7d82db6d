// Entry point of the module: checks that this Emacs fits, binds the functions.  Called by Emacs
// once, on the Lisp thread; a module cannot be unloaded.  SENDONCE_VISIBLE comes from the build.

#include <emacs-module.h>

#include "emacs/exports.hh"

extern "C" {

SENDONCE_VISIBLE int plugin_is_GPL_compatible;  // NOLINT: the name is Emacs'

// 1: the runtime is too old; 2: Emacs is older than 28 (no open_channel, no unibyte strings).
SENDONCE_VISIBLE int emacs_module_init(emacs_runtime* runtime) noexcept {
  if (runtime->size < static_cast<std::ptrdiff_t>(sizeof(*runtime))) return 1;
  emacs_env* env = runtime->get_environment(runtime);
  if (env->size < static_cast<std::ptrdiff_t>(sizeof(emacs_env_28))) return 2;
  sendonce::emacs::define_functions(sendonce::emacs::Env(env));
  return 0;
}
}
