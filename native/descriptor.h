// A system descriptor that is closed at the end of its scope.
#pragma once

#include <unistd.h>

namespace kith {

// Closes what it holds unless it is let go: every early return below is a failure.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { if (fd_ >= 0) close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  operator int() const { return fd_; }
  // Takes over another, when it holds none.
  void Take(int fd) { fd_ = fd; }
  int Release() { const int fd = fd_; fd_ = -1; return fd; }

 private:
  int fd_;
};

}  // namespace kith
