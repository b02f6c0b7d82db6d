#include "der.hh"

#include <array>
#include <charconv>
#include <vector>

namespace peer {
namespace {

char octet(std::size_t number) { return static_cast<char>(static_cast<unsigned char>(number)); }

std::string length(std::size_t size) {
  if (size < 128) return {octet(size)};
  std::string octets;
  for (; size > 0; size >>= 8U) octets.insert(octets.begin(), octet(size & 0xffU));
  return octet(0x80U + octets.size()) + octets;
}

std::vector<unsigned long> numbers_of(std::string_view dotted) {
  std::vector<unsigned long> numbers;
  const char* at = dotted.data();
  const char* const end = at + dotted.size();
  while (at < end) {
    at = std::from_chars(at, end, numbers.emplace_back()).ptr;
    ++at;  // the dot
  }
  return numbers;
}

std::string base_128(unsigned long number) {
  std::string octets{octet(number & 0x7fU)};
  for (number >>= 7U; number > 0; number >>= 7U)
    octets.insert(octets.begin(), octet(0x80U | (number & 0x7fU)));
  return octets;
}

}  // namespace

std::string der(unsigned char tag, std::string_view contents) {
  return octet(tag) + length(contents.size()).append(contents);
}

std::string der_sequence(std::initializer_list<std::string_view> parts) {
  std::string contents;
  for (const std::string_view part : parts) contents += part;
  return der(0x30, contents);
}

std::string der_oid(std::string_view dotted) {
  const std::vector<unsigned long> numbers = numbers_of(dotted);
  std::string contents = base_128(numbers.at(0) * 40 + numbers.at(1));
  for (std::size_t i = 2; i < numbers.size(); ++i) contents += base_128(numbers[i]);
  return der(0x06, contents);
}

std::string der_time(std::time_t time) {
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  std::array<char, 32> text{};
  return der(0x18, {text.data(), std::strftime(text.data(), text.size(), "%Y%m%d%H%M%SZ", &parts)});
}

}  // namespace peer
