// Setting a variable of the environment, before there is a second thread.

#pragma once

#include <cstdlib>
#include <string>

namespace sendonce::test {

inline void set_variable(const char* name, const std::string& value) {
  ::setenv(name, value.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
}

}  // namespace sendonce::test
