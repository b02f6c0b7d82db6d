// Chance for the random walks: seeded, so that a failure comes again; and what a server may say
// that has lost its way.

#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <vector>

namespace sendonce::smtp {

class Dice {
 public:
  explicit Dice(unsigned seed) : random_(seed) {}
  std::size_t below(std::size_t bound) { return random_() % bound; }
  bool one_in(std::size_t chances) { return below(chances) == 0; }
  template <class All>
  const auto& one_of(const All& all) {
    return all[below(std::size(all))];
  }

 private:
  std::mt19937 random_;
};

/// Any reply, fitting or not; some are not even that.
inline std::string any_reply(Dice& dice) {
  static const std::vector<std::string> replies = {"250 ok\r\n",
                                                   "250-a\r\n250 b\r\n",
                                                   "250\r\n",
                                                   "220 x\r\n",
                                                   "235 x\r\n",
                                                   "334 eA==\r\n",
                                                   "354 x\r\n",
                                                   "450 4.2.1 x\r\n",
                                                   "451 x\r\n",
                                                   "500 x\r\n",
                                                   "550 5.1.1 x\r\n",
                                                   "421 bye\r\n",
                                                   "554-a\r\n554 b\r\n",
                                                   "what\r\n",
                                                   "250-a\r\n",
                                                   "25",
                                                   "\r\n",
                                                   "250 a\n"};
  return dice.one_of(replies);
}

/// TEXT with a small thing wrong.
inline std::string mutated(std::string text, Dice& dice) {
  if (text.empty()) return text;
  const std::size_t at = dice.below(text.size());
  switch (dice.below(4)) {
    case 0:
      text[at] = static_cast<char>(static_cast<unsigned char>(dice.below(256)));
      break;
    case 1:
      text.erase(at, 1);
      break;
    case 2:
      text.insert(at, 1, dice.one_of(std::string("\r\n\0- 2459", 9)));
      break;
    default:
      text += text;
  }
  return text;
}

}  // namespace sendonce::smtp
