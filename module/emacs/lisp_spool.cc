// See lisp_spool.hh.

#include "emacs/lisp_spool.hh"

#include <memory>
#include <optional>
#include <utility>

namespace sendonce::emacs {

namespace {

struct Box {
  std::optional<engine::LargeMessage> spool;
};

void release_box(void* pointer) noexcept { delete static_cast<Box*>(pointer); }

Result<Box*> box_of(const Env& env, emacs_value value) {
  emacs_env* raw = env.raw();
  const auto finalizer = raw->get_user_finalizer(raw, value);
  auto* box = env.leaving() || finalizer != &release_box
                  ? nullptr
                  : static_cast<Box*>(raw->get_user_ptr(raw, value));
  if (box == nullptr || !box->spool)
    return fail(Cause::internal, Phase::none, "Not a spool of this module, or one that was taken");
  return box;
}

}  // namespace

emacs_value lisp_spool(const Env& env, engine::LargeMessage spool) {
  auto box = std::make_unique<Box>(Box{std::move(spool)});
  return env.raw()->make_user_ptr(env.raw(), &release_box, box.release());
}

Result<engine::LargeMessage*> spool_of(const Env& env, emacs_value value) {
  auto box = box_of(env, value);
  if (!box) return fail(box.error());
  return &*(*box)->spool;
}

Result<engine::LargeMessage> take_spool(const Env& env, emacs_value value) {
  auto box = box_of(env, value);
  if (!box) return fail(box.error());
  return *std::exchange((*box)->spool, std::nullopt);
}

}  // namespace sendonce::emacs
