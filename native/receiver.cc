// The receive side: what each kind of descriptor has, into slots, areas and records.
#include "poller.h"
#include "virtio.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace kith {

namespace {

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

int32_t* Poller::Emit(int32_t descriptor, int32_t offset, int32_t length, Event event) {
  int32_t* record = memory_.rx + received_++ * kRxStride;
  record[kRxDescriptor] = descriptor;
  record[kRxOffset] = offset;
  record[kRxLength] = length;
  record[kRxEvent] = event;
  record[kRxOffload] = record[kRxSegmentSize] = 0;
  return record;
}

}  // namespace kith
