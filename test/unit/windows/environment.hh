// Setting a variable of the environment, before there is a second thread.

#pragma once

#include <cstdlib>
#include <string>

namespace sendonce::test {

inline void set_variable(const char* name, const std::string& value) {
  ::_putenv_s(name, value.c_str());
}

}  // namespace sendonce::test
