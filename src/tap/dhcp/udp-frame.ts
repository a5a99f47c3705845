/**
 * One UDP datagram over IPv4 in one Ethernet frame, checksums and all.
 *
 * Read first: RFC 768 (UDP), RFC 791 section 3.1 (IPv4), RFC 1071 (the checksum),
 * RFC 894 (IPv4 over Ethernet).
 *
 *    0               6          12       14               34         42
 *    | destination   | source   | 0x0800 | IPv4 header 20 | UDP 8    | payload …
 *
 *    IPv4, offsets from 14        0          1     2        4    6       8     9     10   12   16
 *                                 | 4 | ihl  | tos | length | id | flags | ttl | 17  | sum | from | to
 *    UDP, after it                0      2    4        6
 *                                 | from | to | length | sum
 *
 * Big-endian. IPv4 options are passed over; a fragment is refused, for what travels here
 * is short. Octets behind the IPv4 length are padding, octets behind the UDP length within
 * it are ignored. A UDP checksum of zero means that there is none (RFC 768).
 */
import {
  ADDRESSES_LENGTH,
  EtherType,
  HEADER_LENGTH,
  SOURCE_OFFSET,
} from '../../switch/ethernet.ts';
import { MAC_LENGTH } from '../../switch/mac-address.ts';
import { readIpv4, writeIpv4 } from './ipv4.ts';

const IP_OFFSET = HEADER_LENGTH;
const IP_HEADER_LENGTH = 20;
const VERSION_OFFSET = 0;
const TOTAL_LENGTH_OFFSET = 2;
const FRAGMENT_OFFSET = 6;
const TTL_OFFSET = 8;
const PROTOCOL_OFFSET = 9;
const IP_CHECKSUM_OFFSET = 10;
const IP_SOURCE_OFFSET = 12;
const IP_DESTINATION_OFFSET = 16;

const UDP_HEADER_LENGTH = 8;
const UDP_SOURCE_OFFSET = 0;
const UDP_DESTINATION_OFFSET = 2;
const UDP_LENGTH_OFFSET = 4;
const UDP_CHECKSUM_OFFSET = 6;

const VERSION_4 = 4;
const PROTOCOL_UDP = 17;
/** More Fragments, and the offset of a later one. */
const FRAGMENT_MASK = 0x3fff;
/** RFC 1122 section 3.2.1.7: at least the diameter of the Internet; 64 is recommended. */
const TTL = 64;

export interface UdpFrame {
  /** Six octets each; in what is parsed they are views of the frame. */
  readonly destinationMac: Uint8Array;
  readonly sourceMac: Uint8Array;
  readonly source: number;
  readonly destination: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

export type UdpFrameFault =
  | 'not-udp' // another protocol, or a fragment
  | 'truncated' // a length does not fit
  | 'checksum';

/** Reads a whole frame. @returns the datagram, or the first fault; never throws */
export function parseUdpFrame(frame: Uint8Array): UdpFrame | UdpFrameFault {
  if (frame.length < IP_OFFSET + IP_HEADER_LENGTH) return 'truncated';
  if (read16(frame, ADDRESSES_LENGTH) !== EtherType.ipv4) return 'not-udp';
  const ip = frame.subarray(IP_OFFSET);
  if (ip[VERSION_OFFSET] >>> 4 !== VERSION_4 || ip[PROTOCOL_OFFSET] !== PROTOCOL_UDP) {
    return 'not-udp';
  }
  if ((read16(ip, FRAGMENT_OFFSET) & FRAGMENT_MASK) !== 0) return 'not-udp';
  const headerLength = (ip[VERSION_OFFSET] & 0x0f) * 4;
  const totalLength = read16(ip, TOTAL_LENGTH_OFFSET);
  if (headerLength < IP_HEADER_LENGTH || totalLength > ip.length) return 'truncated';
  if (totalLength < headerLength + UDP_HEADER_LENGTH) return 'truncated';
  if (fold(sum(ip.subarray(0, headerLength))) !== 0xffff) return 'checksum';

  const room = ip.subarray(headerLength, totalLength);
  const length = read16(room, UDP_LENGTH_OFFSET);
  if (length < UDP_HEADER_LENGTH || length > room.length) return 'truncated';
  const udp = room.subarray(0, length);
  const hasChecksum = read16(udp, UDP_CHECKSUM_OFFSET) !== 0;
  if (hasChecksum && fold(sum(udp) + pseudoHeader(ip, length)) !== 0xffff) return 'checksum';
  return {
    destinationMac: frame.subarray(0, MAC_LENGTH),
    sourceMac: frame.subarray(SOURCE_OFFSET, SOURCE_OFFSET + MAC_LENGTH),
    source: readIpv4(ip, IP_SOURCE_OFFSET),
    destination: readIpv4(ip, IP_DESTINATION_OFFSET),
    sourcePort: read16(udp, UDP_SOURCE_OFFSET),
    destinationPort: read16(udp, UDP_DESTINATION_OFFSET),
    payload: udp.subarray(UDP_HEADER_LENGTH),
  };
}

/** Octets of the frame. */
export function udpFrameLength(datagram: UdpFrame): number {
  return IP_OFFSET + IP_HEADER_LENGTH + UDP_HEADER_LENGTH + datagram.payload.length;
}

/**
 * Writes the whole frame, every octet of it.
 * @param out has udpFrameLength(datagram) octets of room at `offset`
 * @returns octets written
 */
export function emitUdpFrame(datagram: UdpFrame, out: Uint8Array, offset = 0): number {
  const length = udpFrameLength(datagram);
  const frame = out.subarray(offset, offset + length);
  if (frame.length < length) throw new RangeError(`the frame needs ${length} octets of room`);
  frame.fill(0, 0, IP_OFFSET + IP_HEADER_LENGTH + UDP_HEADER_LENGTH);
  frame.set(datagram.destinationMac.subarray(0, MAC_LENGTH), 0);
  frame.set(datagram.sourceMac.subarray(0, MAC_LENGTH), SOURCE_OFFSET);
  write16(frame, ADDRESSES_LENGTH, EtherType.ipv4);

  const ip = frame.subarray(IP_OFFSET);
  ip[VERSION_OFFSET] = (VERSION_4 << 4) | (IP_HEADER_LENGTH / 4);
  write16(ip, TOTAL_LENGTH_OFFSET, ip.length);
  ip[TTL_OFFSET] = TTL;
  ip[PROTOCOL_OFFSET] = PROTOCOL_UDP;
  writeIpv4(ip, IP_SOURCE_OFFSET, datagram.source);
  writeIpv4(ip, IP_DESTINATION_OFFSET, datagram.destination);
  write16(ip, IP_CHECKSUM_OFFSET, ~fold(sum(ip.subarray(0, IP_HEADER_LENGTH))));

  const udp = ip.subarray(IP_HEADER_LENGTH);
  write16(udp, UDP_SOURCE_OFFSET, datagram.sourcePort);
  write16(udp, UDP_DESTINATION_OFFSET, datagram.destinationPort);
  write16(udp, UDP_LENGTH_OFFSET, udp.length);
  udp.set(datagram.payload, UDP_HEADER_LENGTH);
  const checksum = ~fold(sum(udp) + pseudoHeader(ip, udp.length)) & 0xffff;
  // RFC 768: a computed zero is sent as all ones, which is the same number.
  write16(udp, UDP_CHECKSUM_OFFSET, checksum === 0 ? 0xffff : checksum);
  return length;
}

// ---- the checksum of RFC 1071

/** The sum of the pseudo-header of RFC 768: both addresses, the protocol, the length. */
function pseudoHeader(ip: Uint8Array, length: number): number {
  const addresses = ip.subarray(IP_SOURCE_OFFSET, IP_DESTINATION_OFFSET + 4);
  return sum(addresses) + PROTOCOL_UDP + length;
}

/** 16-bit words added up, an odd octet at the end as the high half of one. */
function sum(bytes: Uint8Array): number {
  let total = 0;
  for (let i = 0; i + 1 < bytes.length; i += 2) total += read16(bytes, i);
  if (bytes.length % 2 === 1) total += bytes[bytes.length - 1] << 8;
  return total;
}

/** Adds the carries back in. */
function fold(total: number): number {
  let folded = total;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000);
  return folded;
}

function read16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] << 8) | bytes[offset + 1];
}

function write16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8;
  bytes[offset + 1] = value;
}
