// See lisp_values.hh.

#include "emacs/lisp_values.hh"

namespace sendonce::emacs {

namespace {

/// A time or a code where 0 means that there is none.
emacs_value number_or_nil(const Env& env, double value) {
  return value == 0 ? env.nil() : env.number(value);
}

emacs_value lisp_recipient(const Env& env, const outbox::RecipientRow& row) {
  return env.list({env.symbol(":address"), env.text(row.address), env.symbol(":state"),
                   env.symbol(outbox::state_name(row.state)), env.symbol(":code"),
                   row.code == 0 ? env.nil() : env.integer(row.code), env.symbol(":reply"),
                   env.text(row.reply)});
}

emacs_value lisp_recipients(const Env& env, const outbox::Entry& entry) {
  std::vector<emacs_value> rows;
  for (const outbox::RecipientRow& row : entry.recipients) rows.push_back(lisp_recipient(env, row));
  return env.list(rows);
}

struct EventWriter {
  const Env& env;

  [[nodiscard]] emacs_value kind(const char* name) const { return env.symbol(name); }

  emacs_value operator()(const engine::Progress& event) const {
    return env.list({kind("progress"), env.integer(event.entry),
                     env.symbol(phase_name(event.phase)), env.integer(event.done),
                     env.integer(event.total), env.text(event.detail)});
  }
  emacs_value operator()(const engine::AttemptEnded& event) const {
    return env.list({kind("ended"), env.integer(event.entry)});
  }
  emacs_value operator()(const engine::AccountQuestion& event) const {
    return env.list({kind("question"), env.integer(event.question), env.integer(event.entry),
                     kind("account"), env.text(event.account), env.text(event.settings)});
  }
  emacs_value operator()(const engine::PasswordQuestion& event) const {
    return env.list({kind("question"), env.integer(event.question), env.integer(event.entry),
                     kind("password"), env.text(event.host), env.integer(event.port),
                     env.text(event.user), env.text(event.refusal)});
  }
  emacs_value operator()(const engine::SignedIn& event) const {
    return env.list({kind("signed-in"), env.integer(event.entry), env.text(event.host),
                     env.integer(event.port), env.text(event.user)});
  }
  emacs_value operator()(const engine::Late& event) const {
    return env.list({kind("late"), env.integer(event.entry)});
  }
  emacs_value operator()(const engine::Notice& event) const {
    return env.list({kind("notice"), env.text(event.text)});
  }
};

}  // namespace

emacs_value lisp_entry(const Env& env, const outbox::Entry& entry) {
  return env.list({
      env.symbol(":id"),          env.integer(entry.id),
      env.symbol(":message-id"),  env.text(entry.message_id),
      env.symbol(":account"),     env.text(entry.account),
      env.symbol(":state"),       env.symbol(outbox::state_name(entry.state)),
      env.symbol(":created"),     env.number(entry.created),
      env.symbol(":attempts"),    env.integer(entry.attempts),
      env.symbol(":next-try"),    number_or_nil(env, entry.next_try),
      env.symbol(":reply"),       env.text(entry.reply),
      env.symbol(":recipients"),  lisp_recipients(env, entry),
      env.symbol(":subject"),     env.text(entry.subject),
      env.symbol(":sender"),      env.text(entry.sender),
      env.symbol(":settings"),    env.text(entry.settings),
      env.symbol(":draft"),       env.text(entry.draft),
      env.symbol(":fingerprint"), env.text(entry.fingerprint),
      env.symbol(":last-try"),    number_or_nil(env, entry.last_try),
      env.symbol(":octets"),      env.integer(entry.octets),
      env.symbol(":cause"),       entry.cause.empty() ? env.nil() : env.symbol(entry.cause),
      env.symbol(":warned"),      env.boolean(entry.warned),
  });
}

emacs_value lisp_event(const Env& env, const engine::Event& event) {
  return std::visit(EventWriter{env}, event);
}

}  // namespace sendonce::emacs
