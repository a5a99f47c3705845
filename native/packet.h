// What segmentation and joining both need: where the headers of a frame are, and sums.
//
//   | addresses | tags (0-2) | type | IPv4 or IPv6, extensions | TCP or UDP | payload |
//   0           12                  network                    transport    headers
//
// Read first: IEEE 802.1Q-2018 clause 9 (tags), RFC 791, RFC 8200 section 4, RFC 9293
// section 3.1, RFC 768; RFC 1071 (the sum does not depend on the order of octets).
#pragma once

#include <cstdint>

namespace kith {

constexpr int32_t kMostTags = 2;
constexpr int32_t kTagOctets = 4;
constexpr int32_t kEtherTypeOffset = 12;
constexpr int32_t kEthernetHeader = 14;
constexpr int32_t kTpidCustomer = 0x8100, kTpidService = 0x88a8;
constexpr int32_t kEtherTypeIpv4 = 0x0800, kEtherTypeIpv6 = 0x86dd;

constexpr int32_t kProtocolTcp = 6, kProtocolUdp = 17;

constexpr int32_t kIpv4Header = 20;
constexpr int32_t kIpv4TotalLength = 2, kIpv4Identification = 4, kIpv4Fragment = 6,
                  kIpv4Protocol = 9, kIpv4Checksum = 10, kIpv4Addresses = 12;
// More Fragments and the fragment offset: zero in a whole packet.
constexpr int32_t kIpv4IsFragment = 0x3fff, kIpv4DontFragment = 0x4000;

constexpr int32_t kIpv6Header = 40;
constexpr int32_t kIpv6PayloadLength = 4, kIpv6NextHeader = 6, kIpv6Addresses = 8;
constexpr int32_t kHopByHop = 0, kRouting = 43, kDestinationOptions = 60;
constexpr int32_t kExtensionUnit = 8;

constexpr int32_t kTcpHeader = 20;
constexpr int32_t kTcpSequence = 4, kTcpDataOffset = 12, kTcpFlags = 13, kTcpChecksum = 16;
constexpr uint8_t kFin = 0x01, kPsh = 0x08, kAck = 0x10, kCwr = 0x80;

constexpr int32_t kUdpHeader = 8;
constexpr int32_t kUdpLength = 4, kUdpChecksum = 6;

inline uint16_t Get16(const uint8_t* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }

inline uint32_t Get32(const uint8_t* at) { return uint32_t{Get16(at)} << 16 | Get16(at + 2); }

inline void Put16(uint8_t* at, uint32_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}

inline void Put32(uint8_t* at, uint32_t value) {
  Put16(at, value >> 16);
  Put16(at + 2, value);
}

// The one's complement sum of big-endian 16-bit words, an odd octet padded with zero: 0 only
// when all octets are.
uint16_t Sum(const uint8_t* octets, int64_t length);

// Two such sums, or a sum and a word, added.
inline uint16_t AddSums(uint32_t a, uint32_t b) {
  const uint32_t sum = a + b;
  return static_cast<uint16_t>((sum & 0xffff) + (sum >> 16));
}

// A complete TCP or UDP frame: no fragment, and its IP packet ends where the frame does.
struct Packet {
  bool six;
  int32_t protocol;
  int32_t network;         // of the IP header
  int32_t transport;       // of the TCP or UDP header
  int32_t headers;         // octets of all headers; the payload follows
  int32_t checksumOffset;  // from `transport`

  // Reads only the headers, which must lie in the first `contiguous` octets of the frame.
  // False for anything else than described.
  bool Parse(const uint8_t* frame, int32_t contiguous, int32_t length);

  // The sum of the pseudo-header for `length` octets of TCP or UDP (RFC 9293 section 3.1,
  // RFC 8200 section 8.1). Wrong where a routing header has the last destination.
  uint16_t PseudoHeaderSum(const uint8_t* frame, int32_t length) const;

  // Says that the frame is so long: IP and UDP lengths, and the checksum of an IPv4 header.
  void SetLength(uint8_t* frame, int32_t length) const;
};

}  // namespace kith
