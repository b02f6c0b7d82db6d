// See lisp_values.hh.

#include "emacs/lisp_values.hh"

#include "emacs/conditions.hh"

#include <cstdlib>

namespace sendonce::emacs {

namespace {

/// A time or a code where 0 means that there is none.
emacs_value number_or_nil(const Env& env, double value) {
  return value == 0 ? env.nil() : env.number(value);
}

emacs_value symbol_or_nil(const Env& env, std::string_view name) {
  return name.empty() ? env.nil() : env.symbol(name);
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

emacs_value texts(const Env& env, const std::vector<std::string>& all) {
  std::vector<emacs_value> values;
  values.reserve(all.size());
  for (const std::string& one : all) values.push_back(env.text(one));
  return env.list(values);
}

emacs_value keywords(const Env& env, const std::vector<std::string>& all) {
  std::vector<emacs_value> values;
  values.reserve(all.size());
  for (const std::string& one : all) values.push_back(env.symbol(":" + one));
  return env.list(values);
}

/// As `gnutls-peer-status' of Emacs describes one.
emacs_value lisp_certificate(const Env& env, const net::CertificateInfo& info) {
  return env.list({
      env.symbol(":version"),
      env.integer(std::strtol(info.version.c_str(), nullptr, 10)),
      env.symbol(":serial-number"),
      env.text(info.serial),
      env.symbol(":issuer"),
      env.text(info.issuer),
      env.symbol(":subject"),
      env.text(info.subject),
      env.symbol(":names"),
      texts(env, info.names),
      env.symbol(":not-before"),
      env.number(static_cast<double>(info.not_before)),
      env.symbol(":not-after"),
      env.number(static_cast<double>(info.not_after)),
      env.symbol(":public-key-algorithm"),
      env.text(info.public_key_algorithm),
      env.symbol(":certificate-security-level"),
      env.text(info.security_level),
      env.symbol(":signature-algorithm"),
      env.text(info.signature_algorithm),
      env.symbol(":public-key-id"),
      env.text(info.key_id_sha1),
      env.symbol(":public-key-id-sha256"),
      env.text(info.key_id_sha256),
      env.symbol(":certificate-id"),
      env.text(info.certificate_id_sha1),
      env.symbol(":certificate-id-sha256"),
      env.text(info.certificate_id_sha256),
      env.symbol(":key-pin"),
      env.text(info.key_pin),
      env.symbol(":fingerprint"),
      env.text(info.fingerprint),
      env.symbol(":pem"),
      env.text(info.pem),
  });
}

emacs_value lisp_tls(const Env& env, const net::TlsInfo& info) {
  std::vector<emacs_value> chain;
  for (const net::CertificateInfo& one : info.chain) chain.push_back(lisp_certificate(env, one));
  return env.list({
      env.symbol(":warnings"),
      keywords(env, info.warnings),
      env.symbol(":faults"),
      texts(env, info.faults),
      env.symbol(":certificates"),
      env.list(chain),
      env.symbol(":certificate"),
      chain.empty() ? env.nil() : chain.front(),
      env.symbol(":protocol"),
      env.text(info.protocol),
      env.symbol(":cipher"),
      env.text(info.cipher_name),
      env.symbol(":key-exchange"),
      env.text(info.key_exchange),
      env.symbol(":mac"),
      env.text(info.mac),
      env.symbol(":safe-renegotiation"),
      env.boolean(info.safe_renegotiation),
      env.symbol(":encrypt-then-mac"),
      env.boolean(info.encrypt_then_mac),
      env.symbol(":diffie-hellman-prime-bits"),
      info.prime_bits == 0 ? env.nil() : env.integer(info.prime_bits),
  });
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
  emacs_value operator()(const engine::Stored& event) const {
    if (!event.error)
      return env.list({kind("stored"), env.integer(event.number), env.integer(event.entry)});
    return env.list({kind("not-stored"), env.integer(event.number),
                     env.symbol(condition_of(event.error->cause)), env.text(event.error->message),
                     env.symbol(cause_name(event.error->cause))});
  }
  emacs_value operator()(const engine::AccountQuestion& event) const {
    return env.list({kind("question"), env.integer(event.question), env.integer(event.entry),
                     kind("account"), env.text(event.account), env.text(event.settings)});
  }
  emacs_value operator()(const engine::PasswordQuestion& event) const {
    return env.list({kind("question"), env.integer(event.question), env.integer(event.entry),
                     kind("password"), env.text(event.host), env.integer(event.port),
                     env.text(event.user), env.text(event.refusal), env.symbol(event.kind)});
  }
  emacs_value operator()(const engine::CertificateQuestion& event) const {
    return env.list({kind("question"), env.integer(event.question), env.integer(event.entry),
                     kind("certificate"), env.text(event.host), env.integer(event.port),
                     lisp_tls(env, event.info)});
  }
  emacs_value operator()(const engine::CheckStep& event) const {
    if (!event.error) {
      return env.list({kind("checked"), env.integer(event.entry), env.symbol(event.step),
                       kind("ok"), env.text(event.detail)});
    }
    return env.list({kind("checked"), env.integer(event.entry), env.symbol(event.step),
                     kind("problem"), env.text(event.error->message),
                     env.symbol(cause_name(event.error->cause)), env.text(event.error->reply)});
  }
  emacs_value operator()(const engine::CheckEnded& event) const {
    return env.list({kind("check-ended"), env.integer(event.entry), env.text(event.transcript)});
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
      env.symbol(":cause"),       symbol_or_nil(env, outbox::cause_of(entry.cause)),
      env.symbol(":phase"),       symbol_or_nil(env, outbox::phase_of(entry.cause)),
      env.symbol(":warned"),      env.boolean(entry.warned),
  });
}

emacs_value lisp_event(const Env& env, const engine::Event& event) {
  return std::visit(EventWriter{env}, event);
}

}  // namespace sendonce::emacs
