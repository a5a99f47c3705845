#include "offload.h"

#include <cstring>

#include "packet.h"

namespace kith {

namespace {

bool TypeFits(int32_t type, const Packet& packet) {
  switch (type) {
    case kOffloadTcp4: return packet.protocol == kProtocolTcp && !packet.six;
    case kOffloadTcp6: return packet.protocol == kProtocolTcp && packet.six;
    case kOffloadUdp: return packet.protocol == kProtocolUdp;
    default: return false;
  }
}

// The number of segments, or 0 when the fields do not fit.
int32_t Check(const uint8_t* frame, int32_t contiguous, int32_t length, const Offload& offload,
              Packet* packet) {
  if (offload.segmentSize < 1 || offload.segmentSize > UINT16_MAX) return 0;
  if (!packet->Parse(frame, contiguous, length)) return 0;
  if (!TypeFits(offload.type, *packet)) return 0;
  if (offload.checksumStart != packet->transport) return 0;
  if (offload.checksumOffset != packet->checksumOffset) return 0;
  const int32_t payload = length - packet->headers;
  if (payload < 1) return 0;
  const int32_t segments = (payload - 1) / offload.segmentSize + 1;
  return segments <= kMostSegments ? segments : 0;
}

}  // namespace

int32_t CheckOffload(const uint8_t* frame, int32_t contiguous, int32_t length,
                     const Offload& offload) {
  Packet packet = {};
  return Check(frame, contiguous, length, offload, &packet) > 0 ? packet.headers : 0;
}

bool CompleteChecksum(uint8_t* frame, int32_t length, int32_t start, int32_t offset) {
  // Not a word of the sum when it is at an odd place.
  if (start < 0 || offset < 0 || offset % 2 != 0) return false;
  if (int64_t{start} + offset + 2 > length) return false;
  uint16_t checksum = static_cast<uint16_t>(~Sum(frame + start, length - start));
  // Zero would say that there is none (RFC 768).
  if (checksum == 0 && offset == kUdpChecksum) checksum = 0xffff;
  Put16(frame + start + offset, checksum);
  return true;
}

int32_t Segment(const uint8_t* frame, int32_t length, const Offload& offload, uint8_t* output,
                int64_t room) {
  Packet packet = {};
  const int32_t segments = Check(frame, length, length, offload, &packet);
  const int32_t headers = packet.headers;
  if (segments == 0 || int64_t{segments} * headers + (length - headers) > room) return -1;

  const int32_t checksumAt = packet.transport + packet.checksumOffset;
  // The sum of the pseudo-header but for its length, which differs from frame to frame. It is
  // taken from the frame, not from its addresses: with a routing header they are others.
  const uint16_t pseudoHeader = AddSums(Get16(frame + checksumAt),
                                        static_cast<uint16_t>(~(length - packet.transport)));
  const uint32_t identification = Get16(frame + packet.network + kIpv4Identification);
  const uint32_t sequence = Get32(frame + packet.transport + kTcpSequence);
  const bool tcp = packet.protocol == kProtocolTcp;

  for (int32_t i = 0, at = headers; i < segments; i++, at += offload.segmentSize) {
    const bool last = i == segments - 1;
    const int32_t payload = last ? length - at : offload.segmentSize;
    const int32_t total = headers + payload;
    memcpy(output, frame, static_cast<size_t>(headers));
    memcpy(output + headers, frame + at, static_cast<size_t>(payload));
    if (!packet.six)
      Put16(output + packet.network + kIpv4Identification,
            identification + static_cast<uint32_t>(i));
    packet.SetLength(output, total);
    if (tcp) {
      uint8_t* header = output + packet.transport;
      Put32(header + kTcpSequence, sequence + static_cast<uint32_t>(at - headers));
      if (!last) header[kTcpFlags] &= static_cast<uint8_t>(~(kFin | kPsh));
      if (i > 0) header[kTcpFlags] &= static_cast<uint8_t>(~kCwr);
    }
    Put16(output + checksumAt,
          AddSums(pseudoHeader, static_cast<uint32_t>(total - packet.transport)));
    CompleteChecksum(output, total, packet.transport, packet.checksumOffset);
    output += total;
  }
  return segments;
}

}  // namespace kith
