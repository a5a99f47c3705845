// Segmentation and checksums in software, for frames that leave to somebody who
// cannot do it, and the joining of frames for a TAP that can take them whole.
//
// Read first: the virtio specification 1.2, 5.1.6 (struct virtio_net_hdr, with
// VIRTIO_NET_F_CSUM, GUEST_TSO4/6 and GUEST_USO4/6); RFC 1071, RFC 1624 (checksums);
// RFC 9293 section 3.1 (TCP), RFC 768, RFC 8200. Octets only; no system calls.
#pragma once

#include <sys/uio.h>

#include <cstdint>

#include "contract.h"
#include "packet.h"

namespace kith {

// The most segments of one super-frame.
constexpr int32_t kMostSegments = 128;

// The offload fields of a frame, as in a receive or send record.
struct Offload {
  int32_t type;            // OffloadType
  int32_t segmentSize;     // octets of payload in each segment
  int32_t checksumStart;   // of the TCP or UDP header, from the start of the frame
  int32_t checksumOffset;  // of the checksum, from checksumStart
};

// Whether the fields fit the frame: Ethernet with at most two tags, IPv4 (with options) or
// IPv6 (with hop-by-hop, routing and destination options headers), no fragment, TCP or UDP as
// the type says, checksumStart at that header, at least one octet of payload, lengths in the
// headers that end with the frame, segmentSize of 1 to 65,535 (virtio has 16 bits for it) and
// no more than kMostSegments.
// Only the octets up to the payload are read, all of which must lie in the first `contiguous`
// octets of the frame.
// Returns the octets of all headers, or 0.
int32_t CheckOffload(const uint8_t* frame, int32_t contiguous, int32_t length,
                     const Offload& offload);

// Finishes a checksum of which the field holds the sum of the pseudo-header (CHECKSUM_PARTIAL).
// A UDP checksum (known by its offset, 6) that comes out as zero becomes 0xffff. False when an
// offset is outside the frame or odd.
bool CompleteChecksum(uint8_t* frame, int32_t length, int32_t start, int32_t offset);

// Cuts a super-frame as `segment` of src/io/contract.ts says: identification (IPv4) and
// sequence number (TCP) go on, FIN and PSH only on the last, CWR only on the first; full
// checksums, which start from the pseudo-header sum that the frame has. Output and frame are
// apart.
// Returns the number of frames, or -1.
int32_t Segment(const uint8_t* frame, int32_t length, const Offload& offload, uint8_t* output,
                int64_t room);

// Joins complete frames of one flow that follow one another, so that a TAP takes them in
// one write, as Linux GRO does. TCP: same addresses, ports, header lengths, options, window,
// acknowledgement; sequence numbers that go on; no flags but ACK, and PSH on the last. UDP:
// same addresses and ports, and a checksum. All but the last carry equal payloads of an octet
// or more, the last perhaps less. Only frames whose checksums are right (else a damaged frame
// would be made good), IPv4 with DF or not alike and without DF numbered one after the other,
// no IPv4 options, no fragments, same TTL, TOS and tags; IPv6 with the same flow label and
// extension headers. Segment gives back the very frames, but for the identification of those
// with DF, which means nothing (RFC 6864).
//
//   Begin(first) -> Add(next)* -> Finish()
class Coalescer {
 public:
  // Frames of one run at most, and octets of the whole, so that its IP length can be said.
  static constexpr int32_t kMostFrames = 64;
  static constexpr int32_t kLongestRun = 65535;

  // Forgets what was, and looks at a frame. False when nothing can be joined to it.
  bool Begin(const uint8_t* frame, int32_t length);
  // Takes the frame behind the last one. False when it does not continue the run, which
  // stays as it was.
  bool Add(const uint8_t* frame, int32_t length);
  // The run as one super-frame: its headers (patched, in memory of this object) and the
  // payloads where they lie. Returns the number of parts, 1 + frames. Valid until Begin and
  // as long as the frames are. With fewer than two frames there is nothing to finish: 0.
  int32_t Finish(iovec* parts, Offload* offload);

  int32_t frames() const { return frames_; }
  // Whether nothing more can come: Add would refuse any frame.
  bool closed() const { return closed_; }
  // Octets of the whole with its headers, once there are frames.
  int32_t length() const { return length_; }

 private:
  // Ethernet, two tags, the longer of IPv4 and IPv6 with some extension headers, TCP.
  static constexpr int32_t kMostHeader = 14 + 8 + 60 + 60;

  bool Continues(const uint8_t* frame) const;
  void Append(const uint8_t* frame, int32_t length);

  int32_t frames_ = 0;
  bool closed_ = true;
  int32_t length_ = 0;
  // Of the first frame.
  Packet packet_ = {};
  int32_t segmentSize_ = 0;
  uint16_t identification_ = 0;
  uint32_t sequence_ = 0;
  uint8_t header_[kMostHeader];
  iovec payloads_[kMostFrames];
};

}  // namespace kith
