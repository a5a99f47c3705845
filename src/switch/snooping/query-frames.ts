/**
 * Queries that a switch sends where no router does, as Ethernet frames.
 *
 * Read first: RFC 3376 section 4.1 (IGMPv3), RFC 3810 section 5.1 (MLDv2), RFC 2113 and RFC
 * 2711 (Router Alert), RFC 4541 section 2.1.1: the source of an IPv4 query is 0.0.0.0, so that
 * no router takes us for a better one. MLD wants a link-local source; it is made of the bridge
 * address (RFC 4291, appendix A). All are general: they ask for every group.
 *
 *   IGMP   Ethernet 14 | IPv4 24, with Router Alert            | query 12
 *   MLD    Ethernet 14 | IPv6 40 | hop-by-hop 8, Router Alert  | query 28
 *
 * The layout of a query is drawn in igmp.ts and mld.ts.
 */
import { ADDRESSES_LENGTH, EtherType, HEADER_LENGTH, SOURCE_OFFSET } from '../ethernet.ts';
import { Family, onesSum } from './internet.ts';
import { ICMPV6, icmpSum } from './mld.ts';

const IP4_LENGTH = 24;
const QUERY_3_LENGTH = 12;
const IP6_LENGTH = 40;
const HOP_BY_HOP_LENGTH = 8;
const QUERY_2_LENGTH = 28;

export const IGMP_QUERY_LENGTH = HEADER_LENGTH + IP4_LENGTH + QUERY_3_LENGTH;
export const MLD_QUERY_LENGTH = HEADER_LENGTH + IP6_LENGTH + HOP_BY_HOP_LENGTH + QUERY_2_LENGTH;

/** RFC 3376 section 8, RFC 3810 section 9: Query Interval and Robustness Variable. */
export const QUERY_INTERVAL = 125_000;
const ROBUSTNESS = 2;

const PROTOCOL_IGMP = 2;
/** Internetwork Control, as RFC 3376, 4 asks for. */
const TYPE_OF_SERVICE = 0xc0;
const IGMP_QUERY = 0x11;
const MLD_QUERY = 130;
const TENTHS = 100;
const SECONDS = 1000;

const ALL_SYSTEMS = Uint8Array.of(224, 0, 0, 1);
const ALL_NODES = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

/**
 * Writes a general query.
 * @param response milliseconds in which to answer, up to 12,700
 * @param address of the bridge, 6 octets
 * @returns octets written
 */
export function writeQuery(
  out: Uint8Array,
  offset: number,
  family: Family,
  response: number,
  address: Uint8Array,
): number {
  const length = family === Family.four ? IGMP_QUERY_LENGTH : MLD_QUERY_LENGTH;
  out.fill(0, offset, offset + length);
  out.set(address, offset + SOURCE_OFFSET);
  if (family === Family.four) writeIgmp(out, offset, response);
  else writeMld(out, offset, response, address);
  return length;
}

function writeIgmp(out: Uint8Array, offset: number, response: number): void {
  out.set([0x01, 0x00, 0x5e, 0, 0, 1], offset);
  write16(out, offset + ADDRESSES_LENGTH, EtherType.ipv4);
  const ip = offset + HEADER_LENGTH;
  out[ip] = 0x40 | (IP4_LENGTH / 4);
  out[ip + 1] = TYPE_OF_SERVICE;
  write16(out, ip + 2, IP4_LENGTH + QUERY_3_LENGTH);
  out[ip + 8] = 1;
  out[ip + 9] = PROTOCOL_IGMP;
  out.set(ALL_SYSTEMS, ip + 16);
  out.set([0x94, 0x04, 0, 0], ip + 20);
  write16(out, ip + 10, ~onesSum(out, ip, IP4_LENGTH));
  const at = ip + IP4_LENGTH;
  out[at] = IGMP_QUERY;
  out[at + 1] = response / TENTHS;
  out[at + 8] = ROBUSTNESS;
  out[at + 9] = QUERY_INTERVAL / SECONDS;
  write16(out, at + 2, ~onesSum(out, at, QUERY_3_LENGTH));
}

function writeMld(out: Uint8Array, offset: number, response: number, address: Uint8Array): void {
  out.set([0x33, 0x33, 0, 0, 0, 1], offset);
  write16(out, offset + ADDRESSES_LENGTH, EtherType.ipv6);
  const ip = offset + HEADER_LENGTH;
  out[ip] = 0x60;
  write16(out, ip + 4, HOP_BY_HOP_LENGTH + QUERY_2_LENGTH);
  out[ip + 7] = 1;
  const [a, b, c, d, e, f] = address;
  out.set([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f], ip + 8);
  out.set(ALL_NODES, ip + 24);
  const alert = ip + IP6_LENGTH;
  // Router Alert for MLD, and PadN of no octets.
  out.set([ICMPV6, 0, 5, 2, 0, 0, 1, 0], alert);
  const at = alert + HOP_BY_HOP_LENGTH;
  out[at] = MLD_QUERY;
  write16(out, at + 4, response);
  out[at + 24] = ROBUSTNESS;
  out[at + 25] = QUERY_INTERVAL / SECONDS;
  write16(out, at + 2, ~icmpSum(out, ip + 8, at, QUERY_2_LENGTH));
}

function write16(out: Uint8Array, offset: number, value: number): void {
  out[offset] = value >>> 8;
  out[offset + 1] = value;
}
