/**
 * Super-frames: are they what they say, and what are the frames that they stand for?
 *
 * Read first: the virtio specification 1.2, 5.1.6 (checksum and segmentation offload);
 * RFC 1071 (the Internet checksum), RFC 791, RFC 8200 section 4 (extension headers),
 * RFC 9293 section 3.1 (TCP), RFC 768 (UDP); IEEE 802.1Q-2018 clause 9 (tags).
 *
 *    0           12            network                    checksumStart  headers
 *   +-----------+-------------+--------------------------+--------------+---------+
 *   | addresses | 0-2 tags,   | IPv4 with options, or    | TCP with     | payload |
 *   |           | type        | IPv6 and extensions      | options, UDP |   …     |
 *   +-----------+-------------+--------------------------+--------------+---------+
 *
 * The plain twin of native/offload.cc, which the tests hold against it. The frames may come
 * from strangers: whatever does not fit is refused by a number, and nothing throws. Offsets and
 * lengths are octets; memory is the caller's.
 */
import { Offload } from './contract.ts';

/** The most segments of one super-frame (ours). */
const MOST_SEGMENTS = 128;
/** The virtio-net header has 16 bits for it. */
const MAX_SEGMENT_SIZE = 0xffff;

const TYPE_OFFSET = 12;
const TAG_LENGTH = 4;
const MOST_TAGS = 2;
const ETHERNET_HEADER_LENGTH = 14;
const TYPE_IPV4 = 0x0800;
const TYPE_IPV6 = 0x86dd;
/** Customer and service tags (802.1Q-2018, table 9-1). */
const TYPE_CUSTOMER_TAG = 0x8100;
const TYPE_SERVICE_TAG = 0x88a8;

const PROTOCOL_TCP = 6;
const PROTOCOL_UDP = 17;

/** RFC 791, section 3.1. */
const Ipv4 = { totalLength: 2, identification: 4, fragment: 6, protocol: 9, checksum: 10 } as const;
const IPV4_HEADER_LENGTH = 20;
/** More Fragments and the fragment offset: zero in a whole packet. */
const IPV4_IS_FRAGMENT = 0x3fff;

/** RFC 8200, section 3. */
const Ipv6 = { payloadLength: 4, nextHeader: 6 } as const;
const IPV6_HEADER_LENGTH = 40;
/** Extension headers (section 4.1) that each packet of a flow may have; their unit is 8 octets. */
const HOP_BY_HOP = 0;
const ROUTING = 43;
const DESTINATION_OPTIONS = 60;
const EXTENSION_UNIT = 8;

/** RFC 9293, section 3.1. */
const Tcp = { sequence: 4, dataOffset: 12, flags: 13, checksum: 16 } as const;
const TCP_HEADER_LENGTH = 20;
const TCP_FIN_PSH = 0x09;
const TCP_CWR = 0x80;

/** RFC 768. */
const Udp = { length: 4, checksum: 6 } as const;
const UDP_HEADER_LENGTH = 8;

/**
 * Whether a super-frame is what its fields say: at most two tags; IPv4, or IPv6 with hop-by-hop,
 * routing and destination options headers; no fragment; TCP or UDP as `offload` says, with that
 * header at `checksumStart` and its checksum at `checksumOffset` from there; lengths in the
 * headers that end with the frame; payload of at least one octet, and of no more than 128 times
 * `segmentSize` (1 to 65,535). Reads headers only and allocates nothing. The checksum fields are
 * not judged: what they hold wrong, the segments have wrong.
 * @returns the octets of all headers, or 0 when anything disagrees
 */
export function checkOffload(
  slab: Uint8Array,
  offset: number,
  length: number,
  offload: number,
  segmentSize: number,
  checksumStart: number,
  checksumOffset: number,
): number {
  if (!(segmentSize >= 1 && segmentSize <= MAX_SEGMENT_SIZE)) return 0;
  if (offset < 0 || offset + length > slab.length) return 0;
  const protocol = protocolOf(offload);
  const network = networkOffset(slab, offset, length);
  if (protocol === 0 || network === 0) return 0;
  const six = isIpv6(slab, offset + network);
  if (six ? offload === Offload.tcp4 : offload === Offload.tcp6) return 0;

  const ip = offset + network;
  const packetLength = length - network;
  const ipHeaders = six
    ? ipv6Headers(slab, ip, packetLength, protocol)
    : ipv4Header(slab, ip, packetLength, protocol);
  if (ipHeaders === 0 || checksumStart !== network + ipHeaders) return 0;

  const transport = ip + ipHeaders;
  const transportLength = packetLength - ipHeaders;
  const isTcp = protocol === PROTOCOL_TCP;
  if (checksumOffset !== (isTcp ? Tcp.checksum : Udp.checksum)) return 0;
  const header = isTcp
    ? tcpHeader(slab, transport, transportLength)
    : udpHeader(slab, transport, transportLength);
  const payload = transportLength - header;
  if (header === 0 || payload < 1 || payload > segmentSize * MOST_SEGMENTS) return 0;
  return checksumStart + header;
}

/**
 * Finishes a checksum of which the field holds the sum of the pseudo-header. A UDP checksum
 * (known by its offset) that comes out as zero becomes 0xffff, as zero would say that there is
 * none (RFC 768).
 * @param start where the checksummed octets begin, from `offset`; they end with the frame
 * @param checksumOffset where the checksum is, from `start`
 * @returns false when the field is outside the frame or at an odd place, so no word of the sum
 */
export function completeChecksum(
  slab: Uint8Array,
  offset: number,
  length: number,
  start: number,
  checksumOffset: number,
): boolean {
  if (start < 0 || checksumOffset < 0 || checksumOffset % 2 !== 0) return false;
  if (start + checksumOffset + 2 > length) return false;
  let checksum = ~sum(slab, offset + start, length - start) & 0xffff;
  if (checksum === 0 && checksumOffset === Udp.checksum) checksum = 0xffff;
  write16(slab, offset + start + checksumOffset, checksum);
  return true;
}

/**
 * Cuts a super-frame, as BatchedIo.segment says. The identification (IPv4) and the sequence
 * number (TCP) go on from frame to frame; FIN and PSH belong to the last octets and so to the
 * last frame, CWR (RFC 3168 section 6.1.2) to the first. Checksums start from the pseudo-header
 * sum in the frame, of which only the length changes: with a routing header its addresses are
 * not those of the frame.
 * @returns the number of frames at `output`, or -1, also where frame and output overlap
 */
export function segment(
  slab: Uint8Array,
  frame: number,
  length: number,
  offload: number,
  segmentSize: number,
  checksumStart: number,
  checksumOffset: number,
  output: number,
  room: number,
): number {
  const headers = checkOffload(
    slab,
    frame,
    length,
    offload,
    segmentSize,
    checksumStart,
    checksumOffset,
  );
  if (headers === 0 || output < 0 || output + room > slab.length) return -1;
  if (frame < output + room && output < frame + length) return -1;
  const segments = Math.ceil((length - headers) / segmentSize);
  if (segments * headers + (length - headers) > room) return -1;

  const network = networkOffset(slab, frame, length);
  const isTcp = protocolOf(offload) === PROTOCOL_TCP;
  let at = output;
  for (let i = 0; i < segments; i++) {
    const payload = headers + i * segmentSize;
    const end = Math.min(payload + segmentSize, length);
    slab.copyWithin(at, frame, frame + headers);
    slab.copyWithin(at + headers, frame + payload, frame + end);
    const frameLength = headers + end - payload;
    if (!isIpv6(slab, at + network)) advance16(slab, at + network + Ipv4.identification, i);
    if (isTcp) advanceTcp(slab, at + checksumStart, i * segmentSize, i === 0, end === length);
    shorten(slab, at, network, checksumStart, checksumOffset, length, frameLength);
    if (!isTcp) write16(slab, at + checksumStart + Udp.length, frameLength - checksumStart);
    completeChecksum(slab, at, frameLength, checksumStart, checksumOffset);
    at += frameLength;
  }
  return segments;
}

// ---- reading headers; 0 when something does not fit

function protocolOf(offload: number): number {
  if (offload === Offload.udp) return PROTOCOL_UDP;
  return offload === Offload.tcp4 || offload === Offload.tcp6 ? PROTOCOL_TCP : 0;
}

/** Octets of Ethernet header and tags before an IP packet. */
function networkOffset(slab: Uint8Array, offset: number, length: number): number {
  let at = TYPE_OFFSET;
  for (let tags = 0; at + 2 <= length; tags++, at += TAG_LENGTH) {
    const type = read16(slab, offset + at);
    if (type === TYPE_IPV4 || type === TYPE_IPV6) return at + 2;
    const isTag = type === TYPE_CUSTOMER_TAG || type === TYPE_SERVICE_TAG;
    if (!isTag || tags === MOST_TAGS) return 0;
  }
  return 0;
}

/** By the type that stands right before the packet. */
function isIpv6(slab: Uint8Array, ip: number): boolean {
  return read16(slab, ip + TYPE_OFFSET - ETHERNET_HEADER_LENGTH) === TYPE_IPV6;
}

function ipv4Header(slab: Uint8Array, ip: number, length: number, protocol: number): number {
  if (length < IPV4_HEADER_LENGTH || slab[ip] >>> 4 !== 4) return 0;
  const header = (slab[ip] & 0x0f) * 4;
  if (header < IPV4_HEADER_LENGTH || header > length) return 0;
  if (read16(slab, ip + Ipv4.totalLength) !== length) return 0;
  if ((read16(slab, ip + Ipv4.fragment) & IPV4_IS_FRAGMENT) !== 0) return 0;
  return slab[ip + Ipv4.protocol] === protocol ? header : 0;
}

/** Past the extension headers; hop-by-hop options stand first or not at all. */
function ipv6Headers(slab: Uint8Array, ip: number, length: number, protocol: number): number {
  if (length < IPV6_HEADER_LENGTH || slab[ip] >>> 4 !== 6) return 0;
  if (read16(slab, ip + Ipv6.payloadLength) !== length - IPV6_HEADER_LENGTH) return 0;
  let at = IPV6_HEADER_LENGTH;
  let next = slab[ip + Ipv6.nextHeader];
  while (
    next === ROUTING ||
    next === DESTINATION_OPTIONS ||
    (next === HOP_BY_HOP && at === IPV6_HEADER_LENGTH)
  ) {
    if (at + EXTENSION_UNIT > length) return 0;
    next = slab[ip + at];
    at += (slab[ip + at + 1] + 1) * EXTENSION_UNIT;
  }
  return next === protocol && at <= length ? at : 0;
}

function tcpHeader(slab: Uint8Array, at: number, length: number): number {
  if (length < TCP_HEADER_LENGTH) return 0;
  const header = (slab[at + Tcp.dataOffset] >>> 4) * 4;
  return header >= TCP_HEADER_LENGTH && header <= length ? header : 0;
}

function udpHeader(slab: Uint8Array, at: number, length: number): number {
  if (length < UDP_HEADER_LENGTH) return 0;
  return read16(slab, at + Udp.length) === length ? UDP_HEADER_LENGTH : 0;
}

// ---- writing headers

/** Makes the headers of the super-frame at `at` those of a frame of `to` octets instead of `from`. */
function shorten(
  slab: Uint8Array,
  at: number,
  network: number,
  checksumStart: number,
  checksumOffset: number,
  from: number,
  to: number,
): void {
  const ip = at + network;
  if (isIpv6(slab, ip)) {
    write16(slab, ip + Ipv6.payloadLength, to - network - IPV6_HEADER_LENGTH);
  } else {
    write16(slab, ip + Ipv4.totalLength, to - network);
    write16(slab, ip + Ipv4.checksum, 0);
    write16(slab, ip + Ipv4.checksum, ~sum(slab, ip, (slab[ip] & 0x0f) * 4));
  }
  // RFC 1624 section 3: a word leaves a sum by its complement.
  const field = at + checksumStart + checksumOffset;
  const left = ~(from - checksumStart) & 0xffff;
  write16(slab, field, fold(read16(slab, field) + left + (to - checksumStart)));
}

/** Headers of a piece that begins `sent` octets after the first. */
function advanceTcp(
  slab: Uint8Array,
  tcp: number,
  sent: number,
  isFirst: boolean,
  isLast: boolean,
): void {
  const sequence =
    read16(slab, tcp + Tcp.sequence) * 0x10000 + read16(slab, tcp + Tcp.sequence + 2);
  write16(slab, tcp + Tcp.sequence, Math.floor((sequence + sent) / 0x10000));
  write16(slab, tcp + Tcp.sequence + 2, sequence + sent);
  if (!isLast) slab[tcp + Tcp.flags] &= ~TCP_FIN_PSH;
  if (!isFirst) slab[tcp + Tcp.flags] &= ~TCP_CWR;
}

function advance16(slab: Uint8Array, at: number, by: number): void {
  write16(slab, at, read16(slab, at) + by);
}

/** The one's complement sum of 16-bit words, an odd octet padded with zero (RFC 1071). */
function sum(slab: Uint8Array, offset: number, length: number): number {
  let total = 0;
  for (let i = 0; i + 1 < length; i += 2) total += read16(slab, offset + i);
  if (length % 2 === 1) total += slab[offset + length - 1] << 8;
  return fold(total);
}

/** Brings the carries around. */
function fold(total: number): number {
  let rest = total;
  while (rest > 0xffff) rest = (rest % 0x10000) + Math.floor(rest / 0x10000);
  return rest;
}

function read16(slab: Uint8Array, at: number): number {
  return (slab[at] << 8) | slab[at + 1];
}

/** The low 16 bits of `value`. */
function write16(slab: Uint8Array, at: number, value: number): void {
  slab[at] = value >>> 8;
  slab[at + 1] = value;
}
