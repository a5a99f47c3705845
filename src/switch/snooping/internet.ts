/**
 * As much of IP as finding group membership in a frame takes.
 *
 * Read first: RFC 791 section 3.1, RFC 8200 section 3, RFC 1071 (the checksum), RFC 1112
 * section 6.4 and RFC 2464 section 7 (groups as Ethernet addresses).
 *
 *    IPv4 group  224.128+a.b.c  -> 01:00:5e:0aaaaaaa:b:c       23 bits of it
 *    IPv6 group  …:wxyz         -> 33:33:w:x:y:z               32 bits of it
 *
 * A group is known here by those bits, its key: frames are told apart no better than that.
 */
import { EtherType, HEADER_LENGTH, readType, TYPE_OFFSET } from '../ethernet.ts';
import { TAG_LENGTH } from '../vlan-tag.ts';

export const Family = { four: 0, six: 1 } as const;
export type Family = (typeof Family)[keyof typeof Family];

const GROUP_4 = 0x01005e;
const GROUP_6 = 0x3333;

/** No group: the key of an address that is none, or that everybody gets. */
export const EVERYBODY = -1;

/** What was found in an IP packet. */
export const Found = {
  /** Nothing about membership. */
  other: 0,
  query: 1,
  /** A report, a leave or a done. */
  report: 2,
  /** It says that it is about membership, but is damaged. */
  malformed: 3,
} as const;
export type Found = (typeof Found)[keyof typeof Found];

/** Who hears what a message says. */
export interface MembershipSink {
  /** Whoever sent it wants a group. */
  join(family: Family, key: number): void;
  /** It no longer does. */
  leave(family: Family, key: number): void;
  query(query: QueryFacts): void;
}

export interface QueryFacts {
  readonly family: Family;
  /** Asks for this group only; EVERYBODY for all. */
  readonly key: number;
  /** The source is the unspecified address: a switch asks, and no router. */
  readonly anonymous: boolean;
  /** Milliseconds in which members answer. */
  readonly response: number;
  /** Milliseconds that a membership lasts without another report, or 0 where it is not said. */
  readonly interval: number;
}

/** The family of a frame to a group, by its destination; undefined for others. */
export function familyOf(high: number): Family | undefined {
  if (high >>> 8 === GROUP_4) return (high & 0x80) === 0 ? Family.four : undefined;
  return high >>> 16 === GROUP_6 ? Family.six : undefined;
}

/** The key of a frame's destination, of which the family is known. */
export function keyOfAddress(family: Family, high: number, low: number): number {
  if (family === Family.four) return keyOf4(((high & 0x7f) << 16) | low);
  return keyOf6(((high & 0xffff) << 16) | low);
}

/** The key of an IPv4 group: 224.0.0.x and what looks like it goes to everybody (RFC 4541, 2.1.2). */
export function keyOf4(group: number): number {
  const key = group & 0x7fffff;
  return key >>> 8 === 0 ? EVERYBODY : key;
}

/** The key of an IPv6 group by its last 32 bits: all nodes and all routers are everybody. */
export function keyOf6(low: number): number {
  const key = low | 0;
  // An address that ends in 32 ones would have the number of everybody, and is treated so.
  return key === 1 || key === 2 ? EVERYBODY : key;
}

/** Where the IP header begins, from the start of the frame, or 0: behind one tag at most. */
export function networkOffset(bytes: Uint8Array, offset: number, length: number): number {
  if (length < HEADER_LENGTH) return 0;
  let type = readType(bytes, offset);
  let at = HEADER_LENGTH;
  if (type === EtherType.vlan) {
    if (length < HEADER_LENGTH + TAG_LENGTH) return 0;
    type = read16(bytes, offset + TYPE_OFFSET + TAG_LENGTH);
    at += TAG_LENGTH;
  }
  return type === EtherType.ipv4 || type === EtherType.ipv6 ? at : 0;
}

/** One's complement sum of octets, begun with `sum`; 0xffff where a checksum among them holds. */
export function onesSum(bytes: Uint8Array, offset: number, length: number, sum = 0): number {
  let total = sum;
  const end = offset + length;
  for (let at = offset; at + 1 < end; at += 2) total += read16(bytes, at);
  if (length % 2 === 1) total += bytes[end - 1] << 8;
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x10000);
  return total;
}

export function read16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] << 8) | bytes[offset + 1];
}

/** As a signed number. */
export function read32(bytes: Uint8Array, offset: number): number {
  return (read16(bytes, offset) << 16) | read16(bytes, offset + 2);
}
