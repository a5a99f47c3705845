/**
 * IPv4 addresses as DHCP has them: numbers from 0 to 2^32 - 1.
 *
 * Read first: RFC 1122 section 3.2.1.3 (which may be an interface's), RFC 950 and
 * RFC 791 section 3.2 (masks, classes), RFC 4632 section 3.1 (prefixes).
 */

export const ANY_ADDRESS = 0;
export const LIMITED_BROADCAST = 0xffffffff;

const BITS = 32;
const LOOPBACK_NETWORK = 127;
/** Class D and E begin here: groups, and what is kept for later. */
const FIRST_GROUP = 224;
const FIRST_CLASS_B = 128;
const FIRST_CLASS_C = 192;

export function readIpv4(bytes: Uint8Array, offset: number): number {
  const [a, b, c, d] = bytes.subarray(offset, offset + 4);
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

export function writeIpv4(bytes: Uint8Array, offset: number, address: number): void {
  bytes[offset] = address >>> 24;
  bytes[offset + 1] = address >>> 16;
  bytes[offset + 2] = address >>> 8;
  bytes[offset + 3] = address;
}

/** 192.0.2.1 */
export function formatIpv4(address: number): string {
  return [address >>> 24, (address >>> 16) & 0xff, (address >>> 8) & 0xff, address & 0xff].join(
    '.',
  );
}

/** Whether a host on a wire may have it: no group, no loopback, not in network 0. */
export function isHostAddress(address: number): boolean {
  const first = address >>> 24;
  return first > 0 && first < FIRST_GROUP && first !== LOOPBACK_NETWORK;
}

/** The length of the prefix a mask stands for; undefined for one with holes, and for zero. */
export function prefixOfMask(mask: number): number | undefined {
  const prefix = Math.clz32(~mask);
  return prefix > 0 && maskOfPrefix(prefix) === mask ? prefix : undefined;
}

/** @param prefix 1 … 32 */
function maskOfPrefix(prefix: number): number {
  return (-1 << (BITS - prefix)) >>> 0;
}

/** The prefix of the address's class, for a server that sends no mask. */
export function classPrefix(address: number): number {
  const first = address >>> 24;
  if (first < FIRST_CLASS_B) return 8;
  return first < FIRST_CLASS_C ? 16 : 24;
}
