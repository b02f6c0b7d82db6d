// AUTH PLAIN (RFC 4616) and AUTH LOGIN, from the command to its final reply.

#pragma once

#include <map>
#include <string>

#include "talk.hh"

namespace peer {

class SignIn {
 public:
  SignIn(Talk& talk, const std::map<std::string, std::string>& users)
      : talk_(talk), users_(users) {}

  // `argument` is what follows AUTH: mechanism and perhaps an initial response ("=" for empty).
  Reply run(const std::string& argument);
  const std::string& user() const { return user_; }  // after a positive reply

 private:
  Reply plain(const std::string& initial);
  Reply login(const std::string& initial);
  std::string ask(const std::string& challenge, const std::string& initial);
  Reply verdict(const std::string& name, const std::string& password);

  Talk& talk_;
  const std::map<std::string, std::string>& users_;
  std::string user_;
};

}  // namespace peer
