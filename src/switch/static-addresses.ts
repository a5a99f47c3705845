/**
 * Static entries of the Filtering Database, all of them at once, as they cross between threads.
 *
 * Read first: IEEE 802.1Q-2018, 8.8.1 (Static Filtering Entries). Three 32-bit words each:
 *
 *        word 0               word 1              word 2
 *   +--------------------+---------+-----------+-----------+
 *   |  MAC, high 32      | VID     | low 16    |   port    |
 *   +--------------------+---------+-----------+-----------+
 */
import type { FilteringDatabase } from './filtering-database.ts';
import { isMulticast, parseMac, readHigh32, readLow16 } from './mac-address.ts';

const STRIDE = 3;
const VID_SHIFT = 16;

/** Static entries that a switch has at most (ours). */
export const MAX_STATICS = 1024;

export const NO_STATICS = new Int32Array(0);

/** One entry, for people. */
export interface StaticAddress {
  readonly mac: string;
  readonly vlan: number;
  readonly port: number;
}

export const STATION_ALLOWED =
  'the address of one station: six octets such as 02:00:00:00:00:01, the first of them even';

/** @returns the address in its one spelling; undefined when it is none of a single station */
export function stationAddress(text: string): string | undefined {
  const mac = parseMac(text);
  if (mac === undefined || isMulticast(mac, 0) || mac.every((octet) => octet === 0))
    return undefined;
  return Array.from(mac, (octet) => octet.toString(16).padStart(2, '0')).join(':');
}

/** @param addresses whose `mac` is one that `stationAddress` gave */
export function packStatics(addresses: readonly StaticAddress[]): Int32Array {
  const packed = new Int32Array(addresses.length * STRIDE);
  addresses.forEach(({ mac, vlan, port }, index) => {
    const octets = parseMac(mac);
    if (octets === undefined) throw new TypeError(`"${mac}" is no MAC address`);
    packed[index * STRIDE] = readHigh32(octets, 0);
    packed[index * STRIDE + 1] = (vlan << VID_SHIFT) | readLow16(octets, 0);
    packed[index * STRIDE + 2] = port;
  });
  return packed;
}

/**
 * Replaces static entries by others, of which those that are in both stay.
 * @returns what is in force now
 */
export function applyStatics(
  database: FilteringDatabase,
  before: Int32Array,
  after: Int32Array,
  now: number,
): Int32Array {
  if (before.length === after.length && before.every((word, at) => word === after[at])) {
    return before;
  }
  for (let at = 0; at < before.length; at += STRIDE) {
    if (has(after, before[at], before[at + 1])) continue;
    database.removeStatic(before[at], before[at + 1] & 0xffff, before[at + 1] >>> VID_SHIFT);
  }
  for (let at = 0; at < after.length; at += STRIDE) {
    const vid = after[at + 1] >>> VID_SHIFT;
    database.addStatic(after[at], after[at + 1] & 0xffff, vid, after[at + 2], now);
  }
  return after;
}

function has(statics: Int32Array, high: number, low: number): boolean {
  for (let at = 0; at < statics.length; at += STRIDE) {
    if (statics[at] === high && statics[at + 1] === low) return true;
  }
  return false;
}
