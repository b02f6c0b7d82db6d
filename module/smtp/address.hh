// Names that go into commands: addresses, the name we say in EHLO, the name of a mechanism.
//
// Each is parsed once into a type that cannot hold what would break a command line (CR, LF, NUL,
// other controls, an unquoted '>' or space); after that nobody checks again.  Errors:
// Cause::bad_argument, the text names the character and its place.

#pragma once

#include <string>
#include <string_view>

#include "base/result.hh"

namespace sendonce::smtp {

/// A reverse-path or forward-path without the angle brackets (RFC 5321 4.1.2; RFC 6531 3.3 where it
/// is not ASCII).  A local name alone ("root") is allowed: the server knows what it means by it.
class Address {
 public:
  /// The null reverse-path, "<>".
  Address() = default;
  static Result<Address> parse(std::string_view text);

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool is_null() const { return text_.empty(); }
  /// Does it need SMTPUTF8?
  [[nodiscard]] bool is_international() const;
  bool operator==(const Address&) const = default;

 private:
  explicit Address(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// What follows EHLO: a domain or an address literal (RFC 5321 4.1.3).
class LocalName {
 public:
  /// "[127.0.0.1]", for a host that does not know its name.
  LocalName() = default;
  static Result<LocalName> parse(std::string_view text);
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  explicit LocalName(std::string text) : text_(std::move(text)) {}
  std::string text_ = "[127.0.0.1]";
};

/// The name of a SASL mechanism (RFC 4422 3.1).
class MechanismName {
 public:
  static Result<MechanismName> parse(std::string_view text);
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  explicit MechanismName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace sendonce::smtp
