// Just enough DER (X.690) to write what no library writes for us: OCSP responses and certificate
// extensions with contents that are wrong on purpose.  Pure functions.

#pragma once

#include <ctime>
#include <initializer_list>
#include <string>
#include <string_view>

namespace peer {

std::string der(unsigned char tag, std::string_view contents);
std::string der_sequence(std::initializer_list<std::string_view> parts);
std::string der_oid(std::string_view dotted);
std::string der_time(std::time_t time);  // GeneralizedTime

constexpr unsigned char der_integer = 0x02;
constexpr unsigned char der_bit_string = 0x03;
constexpr unsigned char der_octet_string = 0x04;
constexpr unsigned char der_enumerated = 0x0a;
constexpr unsigned char der_explicit = 0xa0;   // [0]; add the number
constexpr unsigned char der_primitive = 0x80;  // [0] IMPLICIT of a primitive; add the number

}  // namespace peer
