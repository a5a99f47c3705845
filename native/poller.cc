// The set of descriptors, and who of them is served in a poll.
#include "poller.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cmath>
#include <cstring>

namespace kith {

namespace {

constexpr uint32_t kDoorbell = UINT32_MAX;

// Whole milliseconds, never early, for epoll_wait.
int Milliseconds(double timeout) {
  if (timeout < 0) return -1;
  if (!(timeout > 0)) return 0;
  return timeout >= INT_MAX ? INT_MAX : static_cast<int>(std::ceil(timeout));
}

int SocketOption(int fd, int option, int* value) {
  socklen_t length = sizeof *value;
  return getsockopt(fd, SOL_SOCKET, option, value, &length) == 0 ? 0 : -errno;
}

// Whether the descriptor can be read and written as `kind` says; fills the family.
int CheckKind(int fd, int32_t kind, int* family) {
  *family = AF_UNSPEC;
  if (kind == kTap) return 0;
  int type = 0;
  if (int error = SocketOption(fd, SO_DOMAIN, family)) return error;
  if (int error = SocketOption(fd, SO_TYPE, &type)) return error;
  const bool internet = *family == AF_INET || *family == AF_INET6;
  switch (kind) {
    case kUnixDatagram: return *family == AF_UNIX && type == SOCK_DGRAM ? 0 : -EINVAL;
    case kUdp: return internet && type == SOCK_DGRAM ? 0 : -EINVAL;
    case kStream:
    case kListener: return type == SOCK_STREAM ? 0 : -EINVAL;
    default: return -EINVAL;
  }
}

}  // namespace

Poller::~Poller() {
  for (int32_t index = 0; index < kMaxDescriptors; index++) Remove(index);
  if (epoll_ >= 0) close(epoll_);
  if (spare_ >= 0) close(spare_);
}

int Poller::Init() {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return -errno;
  spare_ = open("/dev/null", O_RDONLY | O_CLOEXEC);
  for (int32_t i = 0; i < kReceiveSlots; i++) {
    slots_[i] = {memory_.slab + SlotData(i), static_cast<size_t>(kSlotCapacity)};
    plain_[i].msg_hdr.msg_iov = &slots_[i];
    plain_[i].msg_hdr.msg_iovlen = 1;
  }
  for (int32_t i = 0; i < kLargeSlots; i++) {
    largeSlots_[i] = {memory_.slab + LargeSlot(i) + kSlotHeadroom,
                      static_cast<size_t>(kLargeSlotCapacity)};
    msghdr& header = named_[i].msg_hdr;
    header.msg_iov = &largeSlots_[i];
    header.msg_iovlen = 1;
    header.msg_name = &sources_[i];
    header.msg_namelen = sizeof(SocketAddress);
    header.msg_control = joined_[i];
    header.msg_controllen = sizeof joined_[i];
  }
  if (doorbell_ < 0) return 0;
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u32 = kDoorbell;
  return epoll_ctl(epoll_, EPOLL_CTL_ADD, doorbell_, &event) == 0 ? 0 : -errno;
}

int Poller::Add(int32_t index, int fd, int32_t kind, int32_t areaOffset, int32_t areaLength) {
  if (index < 0 || index >= kMaxDescriptors) return -EINVAL;
  Entry& entry = entries_[index];
  if (entry.state != kFree) return -EEXIST;
  if (kind == kStream && (areaLength <= 0 || !memory_.Holds(areaOffset, areaLength))) return -EINVAL;
  int family;
  if (int error = CheckKind(fd, kind, &family)) return error;
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return -errno;
  entry = Entry();
  entry.fd = fd;
  entry.kind = kind;
  entry.family = family;
  entry.areaOffset = areaOffset;
  entry.areaLength = areaLength;
  entry.state = kReading;
  entry.joinsUdp = true;
  if (int error = UpdateInterest(index)) {
    entry.state = kFree;
    return error;
  }
  if (kind == kStream) memory_.fill[index] = 0;
  return 0;
}

// Events do not outlive the poll that fetched them, so whatever is put under this
// index next cannot be taken for what was here.
int Poller::Remove(int32_t index) {
  if (index < 0 || index >= kMaxDescriptors) return -EINVAL;
  Entry& entry = entries_[index];
  if (entry.state == kFree) return -EBADF;
  // Said explicitly: a duplicate of the descriptor would keep it in the epoll set.
  if (entry.interest != 0) epoll_ctl(epoll_, EPOLL_CTL_DEL, entry.fd, nullptr);
  close(entry.fd);
  if (entry.suspect) {
    int32_t kept = 0;
    for (int32_t i = 0; i < suspectCount_; i++)
      if (suspects_[i] != index) suspects_[kept++] = suspects_[i];
    suspectCount_ = kept;
  }
  entry = Entry();
  return 0;
}

int Poller::WatchWritable(int32_t index) {
  if (index < 0 || index >= kMaxDescriptors) return -EINVAL;
  Entry& entry = entries_[index];
  if (entry.state == kFree) return -EBADF;
  if (entry.state == kEnded) return 0;
  entry.watched = true;
  return UpdateInterest(index);
}

int Poller::Hold(int32_t index, bool held) {
  if (index < 0 || index >= kMaxDescriptors) return -EINVAL;
  Entry& entry = entries_[index];
  if (entry.state == kFree) return -EBADF;
  entry.held = held;
  return UpdateInterest(index);
}

// Takes the pending error off a socket, so that it is not reported again.
int Poller::TakeError(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : 0;
}

int Poller::UpdateInterest(int32_t index) {
  Entry& entry = entries_[index];
  uint32_t wanted = 0;
  if (entry.state == kReading && !entry.held) wanted |= EPOLLIN;
  if (entry.state != kEnded && entry.watched) wanted |= EPOLLOUT;
  if (wanted == entry.interest) return 0;
  epoll_event event = {};
  event.events = wanted;
  event.data.u32 = static_cast<uint32_t>(index);
  const int operation = wanted == 0           ? EPOLL_CTL_DEL
                        : entry.interest == 0 ? EPOLL_CTL_ADD
                                              : EPOLL_CTL_MOD;
  if (epoll_ctl(epoll_, operation, entry.fd, &event) != 0) return -errno;
  entry.interest = wanted;
  return 0;
}

int32_t Poller::Poll(double timeout) {
  memory_.counters[kPolls] += 1;
  received_ = largeUsed_ = 0;
  starved_ = -1;
  ReviewSuspects();
  const int fetched = Wait(timeout);
  if (fetched < 0) return fetched;

  // Served in a circle by index from where the last poll ran out of slots, so
  // that nobody is starved; readiness that is left over is reported again.
  memset(ready_, 0, sizeof ready_);
  int waiting = 0;
  for (int i = 0; i < fetched; i++) {
    const uint32_t index = fetched_[i].data.u32;
    if (index == kDoorbell) {
      eventfd_t rings;
      eventfd_read(doorbell_, &rings);
      Emit(-1, 0, 0, kData);
      continue;
    }
    ready_[index / 64] |= uint64_t{1} << (index % 64);
    events_[index] = fetched_[i].events;
    waiting++;
  }
  while (waiting > 0 && received_ < kReceiveSlots) {
    const uint64_t word = ready_[cursor_ / 64] >> (cursor_ % 64);
    if (word == 0) {
      cursor_ = (cursor_ / 64 + 1) * 64 % kMaxDescriptors;
      continue;
    }
    cursor_ += __builtin_ctzll(word);
    ready_[cursor_ / 64] &= ~(uint64_t{1} << (cursor_ % 64));
    Serve(cursor_, events_[cursor_]);
    cursor_ = (cursor_ + 1) % kMaxDescriptors;
    waiting--;
  }
  if (starved_ >= 0) cursor_ = starved_;
  return received_;
}

int Poller::Wait(double timeout) {
  const int n = epoll_wait(epoll_, fetched_, kMaxDescriptors + 1, Milliseconds(timeout));
  if (n >= 0) return n;
  // A signal ends the wait early, which is all the same to a caller who looks at the time.
  return errno == EINTR ? 0 : -errno;
}

void Poller::Serve(int32_t index, uint32_t events) {
  Entry& entry = entries_[index];
  if (entry.watched && (events & (EPOLLOUT | kTrouble))) {
    // Also how a connection on its way tells that it has failed.
    const int error = entry.kind == kTap ? 0 : TakeError(entry.fd);
    if (error != 0 && entry.kind == kStream) return End(index, error);
    if (error != 0) memory_.counters[kReceiveErrors] += 1;
    entry.watched = false;
    UpdateInterest(index);
    // A stream that was hung up is not worth writing to; reading will find its end.
    const bool over = entry.kind == kStream && entry.state == kReading && (events & EPOLLHUP);
    if (!over) Emit(index, 0, 0, kWritable);
    if (received_ == kReceiveSlots) return;
  }
  if (entry.state != kReading || entry.held || !(events & (EPOLLIN | kTrouble))) return;
  switch (entry.kind) {
    case kUnixDatagram: return ReceiveUnix(index, events);
    case kUdp: return ReceiveUdp(index, events);
    case kStream: return ReceiveStream(index);
    case kListener: return Accept(index);
    default: return ReceiveFrames(index, events);
  }
}

// Nothing more will come; the caller is told once.
void Poller::End(int32_t index, int error) {
  entries_[index].state = kEnded;
  UpdateInterest(index);
  Emit(index, 0, error, kClosed);
}

// The caller usually makes room before the next poll, so nothing is told to epoll yet.
void Poller::Suspect(int32_t index) {
  if (entries_[index].suspect) return;
  entries_[index].suspect = true;
  suspects_[suspectCount_++] = index;
}

void Poller::ReviewSuspects() {
  int32_t kept = 0;
  for (int32_t i = 0; i < suspectCount_; i++) {
    const int32_t index = suspects_[i];
    Entry& entry = entries_[index];
    if (entry.state == kEnded) {
      entry.suspect = false;
      continue;
    }
    const bool room = HasRoom(index);
    entry.state = room ? kReading : kPaused;
    entry.suspect = UpdateInterest(index) != 0 || !room;
    if (entry.suspect) suspects_[kept++] = index;
  }
  suspectCount_ = kept;
}

bool Poller::HasRoom(int32_t index) {
  const Entry& entry = entries_[index];
  if (entry.kind == kStream)
    return memory_.fill[index] >= 0 && memory_.fill[index] < entry.areaLength;
  if (spare_ < 0) spare_ = open("/dev/null", O_RDONLY | O_CLOEXEC);
  return spare_ >= 0;
}

}  // namespace kith
