/**
 * MAC addresses, as octets in a frame and as text.
 *
 * Read first: IEEE 802-2014, clause 8.2 (universal addresses); IEEE
 * 802.1D-2004, table 7-10 (reserved addresses).
 *
 *    0       1       2       3       4       5
 *   +-------+-------+-------+-------+-------+-------+
 *   |             high 32           |     low 16    |
 *   +-------+-------+-------+-------+-------+-------+
 *          ^ the lowest bit of octet 0: group (1) or individual (0)
 *
 * On the hot path an address is two numbers: `high`, the first four octets as a
 * signed 32-bit integer (V8 keeps those unboxed), and `low`, the last two.
 */

export const MAC_LENGTH = 6;

/** I/G bit: set in a group address (802-2014, 8.2.2). */
const GROUP_BIT = 0x01;

/** The high 32 bits of 01:80:C2:00:00:0X, signed. */
const RESERVED_HIGH = 0x0180c200;
/** The low 16 bits of the reserved block, less their last hexadecimal digit. */
const RESERVED_LOW_MASK = 0xfff0;

/** The first four octets, as a signed 32-bit integer. */
export function readHigh32(bytes: Uint8Array, offset: number): number {
  return (
    (bytes[offset] << 24) | (bytes[offset + 1] << 16) | (bytes[offset + 2] << 8) | bytes[offset + 3]
  );
}

/** The last two octets. */
export function readLow16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 4] << 8) | bytes[offset + 5];
}

/** Writes the six octets of an address given as two numbers. */
export function writeMac(bytes: Uint8Array, offset: number, high: number, low: number): void {
  bytes[offset] = high >>> 24;
  bytes[offset + 1] = high >>> 16;
  bytes[offset + 2] = high >>> 8;
  bytes[offset + 3] = high;
  bytes[offset + 4] = low >>> 8;
  bytes[offset + 5] = low;
}

/** True for group addresses, the broadcast address among them. */
export function isMulticast(bytes: Uint8Array, offset: number): boolean {
  return (bytes[offset] & GROUP_BIT) !== 0;
}

export function isBroadcast(bytes: Uint8Array, offset: number): boolean {
  return readHigh32(bytes, offset) === -1 && readLow16(bytes, offset) === 0xffff;
}

/** True for 01:80:C2:00:00:00 … 0F, which no bridge forwards (802.1D-2004, 7.12.6). */
export function isReservedMulticast(bytes: Uint8Array, offset: number): boolean {
  return isReservedParts(readHigh32(bytes, offset), readLow16(bytes, offset));
}

/** The same for an address that was read already. */
export function isReservedParts(high: number, low: number): boolean {
  return high === RESERVED_HIGH && (low & RESERVED_LOW_MASK) === 0;
}

const MAC_TEXT =
  /^([0-9a-f]{1,2}):([0-9a-f]{1,2}):([0-9a-f]{1,2}):([0-9a-f]{1,2}):([0-9a-f]{1,2}):([0-9a-f]{1,2})$/i;

/**
 * Reads `02:00:00:00:00:01`, in either case; a digit may be missing in an octet, as VDE allows.
 * @returns six octets of its own memory, or undefined
 */
export function parseMac(text: string): Uint8Array | undefined {
  const match = MAC_TEXT.exec(text);
  if (match === null) return undefined;
  return Uint8Array.from(match.slice(1), (octet) => Number.parseInt(octet, 16));
}

/** Six octets as `02:00:00:00:00:01`. */
export function formatMac(bytes: Uint8Array, offset = 0): string {
  return formatParts(readHigh32(bytes, offset), readLow16(bytes, offset));
}

/** The same for an address given as two numbers. */
export function formatParts(high: number, low: number): string {
  const digits =
    (high >>> 0).toString(16).padStart(8, '0') + (low & 0xffff).toString(16).padStart(4, '0');
  return digits.replace(/..\B/g, '$&:');
}
