#include "poller.h"
#include "virtio.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cmath>
#include <cstring>
#include <ctime>

namespace kith {

namespace {

constexpr uint32_t kDoorbell = UINT32_MAX;
constexpr uint32_t kTrouble = EPOLLERR | EPOLLHUP;

// Whole milliseconds, never early, for epoll_wait.
int Milliseconds(double timeout) {
  if (timeout < 0) return -1;
  if (!(timeout > 0)) return 0;
  return timeout >= INT_MAX ? INT_MAX : static_cast<int>(std::ceil(timeout));
}

// Takes the pending error off a socket, so that it is not reported again.
int TakeError(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : 0;
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


// The segment size that the kernel joined a run of datagrams by (UDP_GRO); 0 for one alone.
int32_t JoinedBy(msghdr* header) {
  for (cmsghdr* c = CMSG_FIRSTHDR(header); c != nullptr; c = CMSG_NXTHDR(header, c)) {
    if (c->cmsg_level != IPPROTO_UDP || c->cmsg_type != UDP_GRO) continue;
    int size;
    memcpy(&size, CMSG_DATA(c), sizeof size);
    return size > 0 ? size : 0;
  }
  return 0;
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

// One datagram into the slot of the first message. Returns 1, or -1 with errno.
int Poller::ReceiveOne(int fd, mmsghdr* message) {
  const iovec& slot = *message->msg_hdr.msg_iov;
  // With MSG_TRUNC the length is that of the datagram, however much of it fits.
  const ssize_t n = recv(fd, slot.iov_base, slot.iov_len, MSG_DONTWAIT | MSG_TRUNC);
  if (n < 0) return -1;
  message->msg_len = static_cast<unsigned>(n);
  message->msg_hdr.msg_flags = static_cast<size_t>(n) > slot.iov_len ? MSG_TRUNC : 0;
  return 1;
}

// A datagram socket is never ended by an error: a peer that went away shows once
// as ECONNRESET, an ICMP message not at all, and reading takes the error off. Only
// a socket shut down for good, which epoll would report for ever, is put aside.
// `errno` is what a receive has left.
void Poller::Refused(int32_t index, uint32_t events) {
  const bool nothing = errno == EAGAIN || errno == EINTR;
  if (!nothing) memory_.counters[kReceiveErrors] += 1;
  if (nothing && (events & EPOLLHUP)) End(index, 0);
  else if (nothing && (events & EPOLLERR)) TakeError(entries_[index].fd);
}

void Poller::ReceiveUnix(int32_t index, uint32_t events) {
  Entry& entry = entries_[index];
  const int first = received_;
  const int room = kReceiveSlots - first;
  const int most = room < kReceiveBatch ? room : kReceiveBatch;
  mmsghdr* messages = plain_ + first;
  // Where frames come one at a time, asking for a batch costs a vain second look into an
  // empty socket and the copying of message headers: half a microsecond of a round trip.
  // So a batch is asked for only while batches come, and now and then to see.
  const bool single = entry.singles % kSinglesBetweenBatches != 0;
  const int n = single ? ReceiveOne(entry.fd, messages)
                       : recvmmsg(entry.fd, messages, static_cast<unsigned>(most), MSG_DONTWAIT,
                                  nullptr);
  entry.singles = n > 1 ? 0 : entry.singles + 1;
  if (n < 0) return Refused(index, events);
  if (events & EPOLLHUP) return End(index, 0);
  for (int i = 0; i < n; i++) {
    const bool cut = (messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
    Emit(index, SlotData(first + i), static_cast<int32_t>(messages[i].msg_len),
         cut ? kOversized : kData);
  }
  memory_.counters[kReceived] += n;
}

void Poller::ReceiveUdp(int32_t index, uint32_t events) {
  Entry& entry = entries_[index];
  const int first = largeUsed_;
  const int records = kReceiveSlots - received_, slots = kLargeSlots - first;
  int most = records < slots ? records : slots;
  const int fitting = kReceiveOctets / (entry.messageLength + 1);
  if (most > fitting) most = fitting > 1 ? fitting : 1;
  if (records == 0 || slots == 0) return Starve(index);
  mmsghdr* messages = named_ + first;
  const int n =
      recvmmsg(entry.fd, messages, static_cast<unsigned>(most), MSG_DONTWAIT, nullptr);
  if (n < 0) return Refused(index, events);
  if (events & EPOLLHUP) return End(index, 0);
  largeUsed_ += n;
  int64_t total = 0;
  for (int i = 0; i < n; i++) {
    msghdr& header = messages[i].msg_hdr;
    const int32_t slot = LargeSlot(first + i);
    ToCanonical(sources_[first + i], memory_.slab + slot);
    const int32_t length = static_cast<int32_t>(messages[i].msg_len);
    total += length;
    const bool cut = (header.msg_flags & MSG_TRUNC) != 0;
    int32_t* record = Emit(index, slot + kSlotHeadroom, length, cut ? kOversized : kData);
    const int32_t size = JoinedBy(&header);
    if (size < length) record[kRxSegmentSize] = size;
    header.msg_namelen = sizeof(SocketAddress);
    header.msg_controllen = sizeof joined_[0];
  }
  if (n > 0) entry.messageLength = static_cast<int32_t>(total / n);
  memory_.counters[kReceived] += n;
}

// No large slot is left in this poll; who could not be served is the first in the next.
void Poller::Starve(int32_t index) {
  if (starved_ < 0) starved_ = index;
}

void Poller::ReceiveFrames(int32_t index, uint32_t events) {
  const Entry& entry = entries_[index];
  for (int64_t total = 0; total < kReceiveOctets;) {
    if (received_ == kReceiveSlots || largeUsed_ == kLargeSlots) return Starve(index);
    // The virtio-net header goes into the headroom, right before the frame.
    const int32_t offset = LargeSlot(largeUsed_) + kSlotHeadroom;
    const ssize_t n = read(entry.fd, memory_.slab + offset - sizeof(VirtioHeader),
                           kLargeSlotCapacity + sizeof(VirtioHeader));
    if (n >= 0) {
      largeUsed_++;
      total += n;
      memory_.counters[kReceived] += 1;
      EmitFrame(index, offset, static_cast<int32_t>(n) - int32_t{sizeof(VirtioHeader)});
      continue;
    }
    const int error = errno;
    if (error == EINTR) continue;
    if (error != EAGAIN) return End(index, error);
    // The interface was deleted: it would be reported for ever.
    if (events & kTrouble) return End(index, ENODEV);
    return;
  }
}

// One frame of a TAP with its virtio-net header before it. What the kernel left to be
// done is done here unless it is segmentation: a frame that is none is always complete.
void Poller::EmitFrame(int32_t index, int32_t offset, int32_t length) {
  uint8_t* frame = memory_.slab + offset;
  VirtioHeader header;
  memcpy(&header, frame - sizeof header, sizeof header);
  const bool partial = (header.flags & kVirtioNeedsChecksum) != 0;
  Offload offload = {kOffloadNone, header.gsoSize, header.checksumStart, header.checksumOffset};
  switch (header.gsoType & ~kVirtioEcn) {
    case kVirtioNone: break;
    case kVirtioTcp4: offload.type = kOffloadTcp4; break;
    case kVirtioTcp6: offload.type = kOffloadTcp6; break;
    case kVirtioUdp: offload.type = kOffloadUdp; break;
    default: Emit(index, offset, length, kMalformed); return;
  }
  if (length < 0 || length > kMaxSuperFrameLength) {
    Emit(index, offset, length < 0 ? 0 : length, kOversized);
    return;
  }
  if (offload.type != kOffloadNone) {
    const int32_t headers = partial ? CheckOffload(frame, length, length, offload) : 0;
    if (headers == 0) {
      Emit(index, offset, length, kMalformed);
      return;
    }
    if (headers + offload.segmentSize < length) {
      int32_t* record = Emit(index, offset, length, kData);
      record[kRxOffload] = offload.type;
      record[kRxSegmentSize] = offload.segmentSize;
      record[kRxChecksumStart] = offload.checksumStart;
      record[kRxChecksumOffset] = offload.checksumOffset;
      return;
    }
  }
  const bool good =
      !partial || CompleteChecksum(frame, length, header.checksumStart, header.checksumOffset);
  Emit(index, offset, length, good ? kData : kMalformed);
}

void Poller::ReceiveStream(int32_t index) {
  const Entry& entry = entries_[index];
  if (!HasRoom(index)) return Suspect(index);
  const int32_t filled = memory_.fill[index];
  const int32_t offset = entry.areaOffset + filled;
  const ssize_t n =
      read(entry.fd, memory_.slab + offset, static_cast<size_t>(entry.areaLength - filled));
  if (n > 0) {
    memory_.fill[index] = filled + static_cast<int32_t>(n);
    memory_.counters[kReceived] += 1;
    Emit(index, offset, static_cast<int32_t>(n), kData);
    if (!HasRoom(index)) Suspect(index);
  } else if (n == 0) {
    End(index, 0);
  } else if (errno != EAGAIN && errno != EINTR) {
    End(index, errno);
  }
}

void Poller::Accept(int32_t index) {
  const Entry& entry = entries_[index];
  for (int i = 0; i < kReceiveBatch && received_ < kReceiveSlots; i++) {
    sockaddr_storage raw = {};
    socklen_t length = sizeof raw;
    const int fd = accept4(entry.fd, reinterpret_cast<sockaddr*>(&raw), &length,
                           SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      const int32_t offset = received_ * kSlotLength;
      SocketAddress source;
      memcpy(&source, &raw, sizeof source);
      ToCanonical(source, memory_.slab + offset);
      if (source.any.sa_family != AF_UNIX) {
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      }
      Emit(index, offset, fd, kAccepted);
      continue;
    }
    const int error = errno;
    if (error == EAGAIN) return;
    if (error == EINTR) continue;
    if (error == EINVAL || error == EBADF) return End(index, error);
    memory_.counters[kReceiveErrors] += 1;
    if ((error == EMFILE || error == ENFILE) && !RefuseOne(entry.fd)) return Suspect(index);
  }
}

// Descriptors have run out. Left alone, the connection would be reported again and
// again while its other end hangs; so it is taken with the spare one and closed.
bool Poller::RefuseOne(int listener) {
  if (spare_ < 0) return false;
  close(spare_);
  const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd >= 0) close(fd);
  spare_ = open("/dev/null", O_RDONLY | O_CLOEXEC);
  return spare_ >= 0;
}

// Nothing more will come; the caller is told once.
void Poller::End(int32_t index, int error) {
  entries_[index].state = kEnded;
  UpdateInterest(index);
  Emit(index, 0, error, kClosed);
}

int32_t* Poller::Emit(int32_t descriptor, int32_t offset, int32_t length, Event event) {
  int32_t* record = memory_.rx + received_++ * kRxStride;
  record[kRxDescriptor] = descriptor;
  record[kRxOffset] = offset;
  record[kRxLength] = length;
  record[kRxEvent] = event;
  record[kRxOffload] = record[kRxSegmentSize] = 0;
  return record;
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
