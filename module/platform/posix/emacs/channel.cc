// See emacs/channel.hh.

#include "emacs/channel.hh"

#include <unistd.h>

namespace sendonce::emacs {

Channel::~Channel() { ::close(descriptor_); }

// Worker threads block SIGPIPE.
void Channel::say() const noexcept {
  [[maybe_unused]] const auto written = ::write(descriptor_, "!", 1);
}

void Channel::before_delete() const noexcept {}

}  // namespace sendonce::emacs
