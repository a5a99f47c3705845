#include "packet.h"

#include <arpa/inet.h>

#include <cstring>

namespace kith {

namespace {

// Adds with the carry brought around, which keeps a sum of 16-bit words what it is.
inline uint64_t AddAround(uint64_t sum, uint64_t word) {
  sum += word;
  return sum + (sum < word ? 1 : 0);
}

inline uint64_t Load(const uint8_t* at) {
  uint64_t word;
  memcpy(&word, at, sizeof word);
  return word;
}

// Finds the TCP or UDP header behind IPv4; 0 when there is none.
int32_t Ipv4Transport(const uint8_t* ip, int32_t seen, int32_t length, int32_t* protocol) {
  if (seen < kIpv4Header || ip[0] >> 4 != 4) return 0;
  const int32_t header = (ip[0] & 0x0f) * 4;
  if (header < kIpv4Header || header > seen) return 0;
  if (Get16(ip + kIpv4TotalLength) != length) return 0;
  if ((Get16(ip + kIpv4Fragment) & kIpv4IsFragment) != 0) return 0;
  *protocol = ip[kIpv4Protocol];
  return header;
}

// The same for IPv6, past the extension headers that may stand in each packet of a flow.
int32_t Ipv6Transport(const uint8_t* ip, int32_t seen, int32_t length, int32_t* protocol) {
  if (seen < kIpv6Header || ip[0] >> 4 != 6) return 0;
  if (Get16(ip + kIpv6PayloadLength) != length - kIpv6Header) return 0;
  int32_t at = kIpv6Header;
  int32_t next = ip[kIpv6NextHeader];
  // Hop-by-hop options stand first or not at all (RFC 8200 section 4.1).
  while (next == kRouting || next == kDestinationOptions ||
         (next == kHopByHop && at == kIpv6Header)) {
    if (at + kExtensionUnit > seen) return 0;
    next = ip[at];
    at += (ip[at + 1] + 1) * kExtensionUnit;
    if (at > seen) return 0;
  }
  *protocol = next;
  return at;
}

}  // namespace

// Words are added as they lie in memory, many at a time; the order of octets is mended last.
uint16_t Sum(const uint8_t* octets, int64_t length) {
  uint64_t a = 0, b = 0, c = 0, d = 0;
  for (; length >= 32; length -= 32, octets += 32) {
    a = AddAround(a, Load(octets));
    b = AddAround(b, Load(octets + 8));
    c = AddAround(c, Load(octets + 16));
    d = AddAround(d, Load(octets + 24));
  }
  for (; length >= 8; length -= 8, octets += 8) a = AddAround(a, Load(octets));
  if (length > 0) {
    uint64_t last = 0;
    memcpy(&last, octets, static_cast<size_t>(length));
    b = AddAround(b, last);
  }
  uint64_t sum = AddAround(AddAround(a, b), AddAround(c, d));
  sum = (sum >> 32) + (sum & 0xffffffff);
  sum = (sum >> 32) + (sum & 0xffffffff);
  sum = (sum >> 16) + (sum & 0xffff);
  sum = (sum >> 16) + (sum & 0xffff);
  return ntohs(static_cast<uint16_t>(sum));
}

bool Packet::Parse(const uint8_t* frame, int32_t contiguous, int32_t length) {
  const int32_t seen = contiguous < length ? contiguous : length;
  int32_t typeAt = kEtherTypeOffset;
  if (seen < kEthernetHeader) return false;
  int32_t type = Get16(frame + typeAt);
  for (int32_t tags = 0; tags < kMostTags && (type == kTpidCustomer || type == kTpidService);
       tags++) {
    typeAt += kTagOctets;
    if (seen < typeAt + 2) return false;
    type = Get16(frame + typeAt);
  }
  network = typeAt + 2;
  six = type == kEtherTypeIpv6;
  if (!six && type != kEtherTypeIpv4) return false;
  const int32_t ipHeaders =
      (six ? Ipv6Transport : Ipv4Transport)(frame + network, seen - network, length - network,
                                            &protocol);
  if (ipHeaders == 0) return false;
  transport = network + ipHeaders;
  if (protocol == kProtocolTcp) {
    if (seen - transport < kTcpHeader) return false;
    const int32_t header = (frame[transport + kTcpDataOffset] >> 4) * 4;
    headers = transport + header;
    checksumOffset = kTcpChecksum;
    return header >= kTcpHeader && headers <= seen;
  }
  if (protocol != kProtocolUdp || seen - transport < kUdpHeader) return false;
  headers = transport + kUdpHeader;
  checksumOffset = kUdpChecksum;
  return Get16(frame + transport + kUdpLength) == length - transport;
}

uint16_t Packet::PseudoHeaderSum(const uint8_t* frame, int32_t length) const {
  const uint8_t* addresses = frame + network + (six ? kIpv6Addresses : kIpv4Addresses);
  const uint16_t sum = AddSums(Sum(addresses, six ? 32 : 8), static_cast<uint32_t>(protocol));
  return AddSums(sum, static_cast<uint32_t>(length));
}

void Packet::SetLength(uint8_t* frame, int32_t length) const {
  uint8_t* ip = frame + network;
  if (six) {
    Put16(ip + kIpv6PayloadLength, static_cast<uint32_t>(length - network - kIpv6Header));
  } else {
    Put16(ip + kIpv4TotalLength, static_cast<uint32_t>(length - network));
    Put16(ip + kIpv4Checksum, 0);
    Put16(ip + kIpv4Checksum, static_cast<uint16_t>(~Sum(ip, transport - network)));
  }
  if (protocol == kProtocolUdp)
    Put16(frame + transport + kUdpLength, static_cast<uint32_t>(length - transport));
}

}  // namespace kith
