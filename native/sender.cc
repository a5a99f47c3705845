// The send side. Records are first chained by descriptor, so that frames for one
// port that lie between frames for others still leave in one system call; the
// order holds for each descriptor, not between them.
#include <netinet/udp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "poller.h"
#include "virtio.h"

namespace kith {

namespace {

constexpr int32_t kEndOfChain = -1;

bool WouldBlock(int error) { return error == EAGAIN || error == ENOBUFS; }

int64_t Length(const int32_t* record) {
  return int64_t{record[kTxHeaderLength]} + record[kTxPayloadLength];
}

// What a TAP wants before a super-frame of so many octets of headers.
bool Describe(const Offload& offload, int32_t headers, VirtioHeader* out) {
  *out = {};
  out->flags = kVirtioNeedsChecksum;
  switch (offload.type) {
    case kOffloadTcp4: out->gsoType = kVirtioTcp4; break;
    case kOffloadTcp6: out->gsoType = kVirtioTcp6; break;
    case kOffloadUdp: out->gsoType = kVirtioUdp; break;
    default: return false;
  }
  out->headerLength = static_cast<uint16_t>(headers);
  out->gsoSize = static_cast<uint16_t>(offload.segmentSize);
  out->checksumStart = static_cast<uint16_t>(offload.checksumStart);
  out->checksumOffset = static_cast<uint16_t>(offload.checksumOffset);
  return true;
}

}  // namespace

int32_t Poller::Flush(int32_t count) {
  flush_++;
  notWhole_ = 0;
  int32_t descriptors[kMaxDescriptors];
  int32_t descriptorCount = 0;

  for (int32_t i = 0; i < count; i++) {
    const int32_t index = Record(i)[kTxDescriptor];
    if (index < 0 || index >= kMaxDescriptors || entries_[index].state == kFree) {
      Settle(i, -EBADF);
      continue;
    }
    Entry& entry = entries_[index];
    nextRecord_[i] = kEndOfChain;
    if (entry.flush == flush_) {
      nextRecord_[entry.lastRecord] = i;
    } else {
      entry.flush = flush_;
      entry.firstRecord = i;
      descriptors[descriptorCount++] = index;
    }
    entry.lastRecord = i;
  }

  for (int32_t i = 0; i < descriptorCount; i++) {
    Entry& entry = entries_[descriptors[i]];
    switch (entry.kind) {
      case kUnixDatagram:
      case kUdp: SendDatagrams(entry); break;
      case kStream: SendStream(entry); break;
      case kTap: SendFrames(entry); break;
      default: Refuse(entry.firstRecord, EINVAL);
    }
  }
  return notWhole_;
}

// Fills the pieces of one record and returns their number, or -EINVAL for a bad offset.
// With more pieces than room there are none: -ENOBUFS.
int Poller::Gather(const int32_t* record, iovec* parts, int room) const {
  int used = 0;
  const auto take = [&](int32_t offset, int32_t length) {
    if (length == 0) return true;
    if (!memory_.Holds(offset, length)) return false;
    parts[used++] = {memory_.slab + offset, static_cast<size_t>(length)};
    return true;
  };
  const int32_t count = record[kTxPartCount];
  if (count < 0 || count > kMaxParts) return -EINVAL;
  if ((count == 0 ? 1 : count) + 1 > room) return -ENOBUFS;
  if (!take(record[kTxHeaderOffset], record[kTxHeaderLength])) return -EINVAL;
  if (count == 0)
    return take(record[kTxPayloadOffset], record[kTxPayloadLength]) ? used : -EINVAL;
  const int32_t first = record[kTxPayloadOffset];
  if (first < 0 || first + count > kPartRecords) return -EINVAL;
  const int32_t* part = memory_.parts + first * kPartStride;
  int64_t length = 0;
  for (int32_t i = 0; i < count; i++, part += kPartStride) {
    if (part[kPartLength] < 0 || !take(part[kPartOffset], part[kPartLength])) return -EINVAL;
    length += part[kPartLength];
  }
  return length == record[kTxPayloadLength] ? used : -EINVAL;
}

// Fills the destination and the segment size of a message; 0 or a negated errno.
int Poller::Address(const Entry& entry, const int32_t* record, int32_t message) {
  msghdr& header = messages_[message].msg_hdr;
  header.msg_name = nullptr;
  header.msg_namelen = 0;
  header.msg_control = nullptr;
  header.msg_controllen = 0;
  if (entry.kind != kUdp) return 0;
  const int32_t address = record[kTxAddress];
  if (address >= 0) {
    if (!memory_.Holds(address, kAddressLength)) return -EINVAL;
    SocketAddress* to = &destinations_[message];
    header.msg_namelen = FromCanonical(memory_.slab + address, entry.family, to);
    if (header.msg_namelen == 0) return -EAFNOSUPPORT;
    header.msg_name = to;
  }
  const int32_t segment = record[kTxSegmentSize];
  if (segment == 0) return 0;
  if (segment < 0 || segment > UINT16_MAX) return -EINVAL;
  const uint16_t size = static_cast<uint16_t>(segment);
  cmsghdr* control = &segmentation_[message].header;
  control->cmsg_level = IPPROTO_UDP;
  control->cmsg_type = UDP_SEGMENT;
  control->cmsg_len = CMSG_LEN(sizeof size);
  memcpy(CMSG_DATA(control), &size, sizeof size);
  header.msg_control = control;
  header.msg_controllen = sizeof segmentation_[message];
  return 0;
}

// A datagram that leaves alone, as frames do while nothing is busy: without the message
// headers of a batch. Returns false when it is not of the simple kind.
bool Poller::SendOne(const Entry& entry, int32_t record) {
  const int32_t* fields = Record(record);
  if (entry.kind != kUnixDatagram || fields[kTxHeaderLength] != 0 || fields[kTxPartCount] != 0)
    return false;
  const int32_t offset = fields[kTxPayloadOffset], length = fields[kTxPayloadLength];
  if (length == 0 || !memory_.Holds(offset, length)) return false;
  ssize_t n;
  do n = send(entry.fd, memory_.slab + offset, static_cast<size_t>(length),
              MSG_DONTWAIT | MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  if (n < 0) n = WouldBlock(errno) ? -EAGAIN : -errno;
  Settle(record, n);
  return true;
}

// One refusal for want of room stands for all that follow; any other error
// belongs to its own datagram.
void Poller::SendDatagrams(const Entry& entry) {
  int32_t record = entry.firstRecord;
  if (record == entry.lastRecord && SendOne(entry, record)) return;
  while (record != kEndOfChain) {
    int32_t built = 0, used = 0;
    for (; record != kEndOfChain && built < kSendBatch; record = nextRecord_[record]) {
      const int parts = Gather(Record(record), &parts_[used], kSendParts - used);
      if (parts == -ENOBUFS && built > 0) break;
      const int error = parts < 0 ? parts : Address(entry, Record(record), built);
      if (error != 0) {
        Settle(record, error);
        continue;
      }
      messages_[built].msg_hdr.msg_iov = &parts_[used];
      messages_[built].msg_hdr.msg_iovlen = static_cast<size_t>(parts);
      used += parts;
      batch_[built++] = record;
    }
    for (int32_t sent = 0; sent < built;) {
      const int n = sendmmsg(entry.fd, messages_ + sent, static_cast<unsigned>(built - sent),
                             MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n > 0) {
        for (const int32_t end = sent + n; sent < end; sent++)
          Settle(batch_[sent], messages_[sent].msg_len);
      } else if (errno == EINTR) {
        continue;
      } else if (WouldBlock(errno)) {
        for (; sent < built; sent++) Settle(batch_[sent], -EAGAIN);
        return Refuse(record, EAGAIN);
      } else {
        Settle(batch_[sent++], -errno);
      }
    }
  }
}

void Poller::SendStream(const Entry& entry) {
  int32_t record = entry.firstRecord;
  while (record != kEndOfChain) {
    int32_t built = 0;
    size_t used = 0;
    for (; record != kEndOfChain && built < kSendBatch; record = nextRecord_[record]) {
      const int parts = Gather(Record(record), &parts_[used], kMostPieces - static_cast<int>(used));
      if (parts == -ENOBUFS && built > 0) break;
      // A hole in the run of octets would be worse than no octets.
      if (parts < 0) break;
      used += static_cast<size_t>(parts);
      batch_[built++] = record;
    }
    if (built == 0) return Refuse(record, EINVAL);
    msghdr run = {};
    run.msg_iov = parts_;
    run.msg_iovlen = used;
    ssize_t n;
    do n = sendmsg(entry.fd, &run, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n < 0) return Refuse(batch_[0], WouldBlock(errno) ? EAGAIN : errno);

    int64_t left = n;
    for (int32_t i = 0; i < built; i++) {
      const int64_t length = Length(Record(batch_[i]));
      if (left < length) {
        const bool some = left > 0;
        if (some) Settle(batch_[i], left);
        const int32_t rest = some ? nextRecord_[batch_[i]] : batch_[i];
        return Refuse(rest, EAGAIN);
      }
      Settle(batch_[i], length);
      left -= length;
    }
  }
}

// A TAP takes one frame a write, but frames of one flow that follow one another as one.
void Poller::SendFrames(Entry& entry) {
  int32_t record = entry.firstRecord;
  while (record != kEndOfChain) {
    const int32_t next = nextRecord_[record];
    if (next != kEndOfChain) {
      const int32_t after = SendRun(entry, record);
      if (after != record) {
        record = after;
        continue;
      }
    }
    SendFrame(entry, record);
    record = next;
  }
}

// Whether the record is a bare frame in one place, which might be joined with others.
static bool IsPlain(const int32_t* record) {
  return record[kTxOffload] == kOffloadNone && record[kTxHeaderLength] == 0 &&
         record[kTxPartCount] == 0 && record[kTxPayloadLength] > 0;
}

// Joins what follows and writes it as one; returns the record behind, or the same when
// there was nothing to join or the device did not take it so.
int32_t Poller::SendRun(Entry& entry, int32_t record) {
  const auto frame = [&](int32_t at) -> const uint8_t* {
    const int32_t* fields = Record(at);
    if (!IsPlain(fields) || !memory_.Holds(fields[kTxPayloadOffset], fields[kTxPayloadLength]))
      return nullptr;
    return memory_.slab + fields[kTxPayloadOffset];
  };
  const uint8_t* first = frame(record);
  if (first == nullptr || !coalescer_.Begin(first, Record(record)[kTxPayloadLength])) return record;
  int32_t end = nextRecord_[record];
  for (; end != kEndOfChain; end = nextRecord_[end]) {
    const uint8_t* next = frame(end);
    if (next == nullptr || !coalescer_.Add(next, Record(end)[kTxPayloadLength])) break;
  }
  Offload offload;
  VirtioHeader header;
  const int parts = coalescer_.Finish(parts_ + 1, &offload);
  if (parts == 0 || (offload.type == kOffloadUdp && !entry.joinsUdp)) return record;
  if (!Describe(offload, static_cast<int32_t>(parts_[1].iov_len), &header)) return record;
  parts_[0] = {&header, sizeof header};
  ssize_t n;
  do n = writev(entry.fd, parts_, parts + 1);
  while (n < 0 && errno == EINTR);
  if (n < 0 && offload.type == kOffloadUdp && errno == EINVAL) entry.joinsUdp = false;
  if (n < 0) return record;
  for (int32_t i = record; i != end; i = nextRecord_[i]) Settle(i, Length(Record(i)));
  return end;
}

void Poller::SendFrame(const Entry& entry, int32_t record) {
  const int32_t* fields = Record(record);
  const int parts = Gather(fields, parts_ + 1, kMostPieces - 1);
  if (parts <= 0) return Settle(record, parts < 0 ? parts : -EINVAL);
  const Offload offload = {fields[kTxOffload], fields[kTxSegmentSize], fields[kTxChecksumStart],
                           fields[kTxChecksumOffset]};
  VirtioHeader header = {};
  if (offload.type != kOffloadNone) {
    const int32_t headers =
        CheckOffload(static_cast<const uint8_t*>(parts_[1].iov_base),
                     static_cast<int32_t>(parts_[1].iov_len),
                     static_cast<int32_t>(Length(fields)), offload);
    if (headers == 0 || !Describe(offload, headers, &header)) return Settle(record, -EINVAL);
  }
  parts_[0] = {&header, sizeof header};
  ssize_t n;
  do n = writev(entry.fd, parts_, parts + 1);
  while (n < 0 && errno == EINTR);
  if (n >= 0) n -= static_cast<ssize_t>(sizeof header);
  Settle(record, n < 0 ? (WouldBlock(errno) ? -EAGAIN : -errno) : n);
}

void Poller::Settle(int32_t index, int64_t result) {
  int32_t* record = Record(index);
  record[kTxResult] = static_cast<int32_t>(result);
  if (result >= 0 && result == Length(record)) {
    memory_.counters[kSent] += 1;
    return;
  }
  notWhole_++;
  if (result == -EAGAIN) memory_.counters[kWouldBlock] += 1;
  else if (result < 0) memory_.counters[kSendErrors] += 1;
}

// The same answer for this record and all behind it in its chain.
void Poller::Refuse(int32_t record, int error) {
  for (; record != kEndOfChain; record = nextRecord_[record]) Settle(record, -error);
}

}  // namespace kith
