// See flat_json.hh.

#include "sasl/flat_json.hh"

#include <optional>

namespace sendonce::sasl {

namespace {

constexpr std::size_t most_members = 16;

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  Members members() {
    Members list;
    if (!take('{')) return list;
    while (list.size() < most_members) {
      auto name = string();
      if (!name || !take(':')) break;
      auto value = this->value();
      if (!value) break;
      list.emplace_back(std::move(*name), std::move(*value));
      if (!take(',')) break;
    }
    return list;
  }

 private:
  static constexpr std::string_view blanks = " \t\r\n";

  void skip_blanks() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(blanks), rest_.size()));
  }

  bool take(char mark) {
    skip_blanks();
    if (!rest_.starts_with(mark)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::optional<std::string> value() {
    skip_blanks();
    if (rest_.starts_with('"')) return string();
    const std::string_view word = rest_.substr(0, rest_.find_first_of(",}{[ \t\r\n"));
    if (word.empty()) return std::nullopt;
    rest_.remove_prefix(word.size());
    return std::string(word);
  }

  std::optional<std::string> string() {
    if (!take('"')) return std::nullopt;
    std::string text;
    for (std::size_t at = 0; at < rest_.size(); ++at) {
      if (rest_[at] == '"') {
        rest_.remove_prefix(at + 1);
        return text;
      }
      if (rest_[at] == '\\' && ++at == rest_.size()) break;
      text += rest_[at];  // an escape other than \" \\ \/ is left as its letter
    }
    return std::nullopt;
  }

  std::string_view rest_;
};

}  // namespace

Members flat_members(std::string_view json) { return Reader(json).members(); }

}  // namespace sendonce::sasl
