// The joining of frames, which undoes what Segment does. What a run needs of its frames is
// proven frame by frame (MayJoin) and by comparison with the first one (Continues).
#include <cstring>

#include "offload.h"
#include "packet.h"

namespace kith {

namespace {

constexpr int32_t kWhole = 0xffff;

// Whether this can be part of a run: a packet with payload, as a plain sender makes it.
bool MayJoin(const Packet& packet, const uint8_t* frame, int32_t length) {
  const uint8_t* ip = frame + packet.network;
  const uint8_t* transport = frame + packet.transport;
  const int32_t octets = length - packet.transport;
  if (length <= packet.headers || length > Coalescer::kLongestRun) return false;
  if (!packet.six) {
    if (packet.transport - packet.network != kIpv4Header) return false;
    if ((Get16(ip + kIpv4Fragment) & ~kIpv4DontFragment) != 0) return false;
    if (Sum(ip, kIpv4Header) != kWhole) return false;
  }
  if (packet.protocol == kProtocolTcp) {
    // Nothing but ACK and PSH, and no bit that has a meaning only some know.
    if ((transport[kTcpDataOffset] & 0x0f) != 0) return false;
    if ((transport[kTcpFlags] & ~kPsh) != kAck) return false;
  } else if (Get16(transport + kUdpChecksum) == 0) {
    return false;
  }
  // A sum with its own complement in it.
  return AddSums(packet.PseudoHeaderSum(frame, octets), Sum(transport, octets)) == kWhole;
}

}  // namespace

bool Coalescer::Begin(const uint8_t* frame, int32_t length) {
  frames_ = 0;
  closed_ = true;
  Packet packet;
  if (!packet.Parse(frame, length, length) || packet.headers > kMostHeader) return false;
  if (!MayJoin(packet, frame, length)) return false;
  if (packet.protocol == kProtocolTcp && (frame[packet.transport + kTcpFlags] & kPsh) != 0)
    return false;
  packet_ = packet;
  memcpy(header_, frame, static_cast<size_t>(packet.headers));
  identification_ = Get16(header_ + packet.network + kIpv4Identification);
  sequence_ = Get32(header_ + packet.transport + kTcpSequence);
  length_ = packet.headers;
  segmentSize_ = length - packet.headers;
  closed_ = false;
  Append(frame, length);
  return true;
}

bool Coalescer::Add(const uint8_t* frame, int32_t length) {
  if (closed_) return false;
  const int32_t payload = length - packet_.headers;
  if (payload < 1 || payload > segmentSize_ || length_ + payload > kLongestRun) return false;
  // First what is cheap, and tells most frames of other flows.
  if (!Continues(frame)) return false;
  Packet packet;
  if (!packet.Parse(frame, length, length) || packet.headers != packet_.headers ||
      packet.transport != packet_.transport || !MayJoin(packet, frame, length))
    return false;
  Append(frame, length);
  return true;
}

// Whether the headers, of which all octets are there, are those of the next frame of the run.
// What is not compared is what Parse and MayJoin prove: lengths, flags and checksums.
bool Coalescer::Continues(const uint8_t* frame) const {
  const auto same = [&](int32_t from, int32_t to) {
    return memcmp(frame + from, header_ + from, static_cast<size_t>(to - from)) == 0;
  };
  const int32_t ip = packet_.network, transport = packet_.transport;
  if (packet_.six) {
    // Traffic class, flow label; next header to the end of the extension headers.
    if (!same(0, ip + kIpv6PayloadLength) || !same(ip + kIpv6NextHeader, transport)) return false;
  } else {
    // Type of service; flags, time to live, protocol; addresses.
    if (!same(0, ip + kIpv4TotalLength) || !same(ip + kIpv4Fragment, ip + kIpv4Checksum) ||
        !same(ip + kIpv4Addresses, transport))
      return false;
    // A packet that is never cut needs no identification (RFC 6864 section 4.1).
    const bool whole = (Get16(frame + ip + kIpv4Fragment) & kIpv4DontFragment) != 0;
    const uint16_t next = static_cast<uint16_t>(identification_ + frames_);
    if (!whole && Get16(frame + ip + kIpv4Identification) != next) return false;
  }
  if (packet_.protocol == kProtocolUdp) return same(transport, transport + kUdpLength);
  const uint32_t next = sequence_ + static_cast<uint32_t>(length_ - packet_.headers);
  // Ports; acknowledgement, data offset; window; urgent pointer, options.
  return same(transport, transport + kTcpSequence) &&
         Get32(frame + transport + kTcpSequence) == next &&
         same(transport + kTcpSequence + 4, transport + kTcpFlags) &&
         same(transport + kTcpFlags + 1, transport + kTcpChecksum) &&
         same(transport + kTcpChecksum + 2, packet_.headers);
}

void Coalescer::Append(const uint8_t* frame, int32_t length) {
  const int32_t payload = length - packet_.headers;
  // Only pointed at, never written: iovec knows no const.
  uint8_t* at = const_cast<uint8_t*>(frame) + packet_.headers;
  payloads_[frames_++] = {at, static_cast<size_t>(payload)};
  length_ += payload;
  if (packet_.protocol == kProtocolTcp && (frame[packet_.transport + kTcpFlags] & kPsh) != 0) {
    header_[packet_.transport + kTcpFlags] |= kPsh;
    closed_ = true;
  }
  if (payload < segmentSize_ || frames_ == kMostFrames) closed_ = true;
}

int32_t Coalescer::Finish(iovec* parts, Offload* offload) {
  if (frames_ < 2) return 0;
  packet_.SetLength(header_, length_);
  Put16(header_ + packet_.transport + packet_.checksumOffset,
        packet_.PseudoHeaderSum(header_, length_ - packet_.transport));
  parts[0] = {header_, static_cast<size_t>(packet_.headers)};
  memcpy(parts + 1, payloads_, static_cast<size_t>(frames_) * sizeof *parts);
  offload->type = packet_.protocol == kProtocolUdp ? kOffloadUdp
                  : packet_.six                    ? kOffloadTcp6
                                                   : kOffloadTcp4;
  offload->segmentSize = segmentSize_;
  offload->checksumStart = packet_.transport;
  offload->checksumOffset = packet_.checksumOffset;
  return 1 + frames_;
}

}  // namespace kith
