/**
 * Claims: which addresses a friend says are of its own hosts.
 *
 * Ours; docs/protocol/link.md, section "Claims and confinement". The payload of a packet
 * of type `claim`:
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +---------------+---------------+---------------+---------------+
 *   |     kind      |     list      |     part      |     parts     |
 *   +---------------+---------------+---------------+---------------+
 *   |            VLAN id            |                               |
 *   +-------------------------------+          MAC address          |
 *   |                                                               |   … as many as there are
 *   +---------------------------------------------------------------+
 *
 * Network byte order. `kind` says whether these are all hosts (a list, in `parts` packets
 * numbered from 0, all with the same `list`, which counts up), or hosts that have come, or
 * gone; then the other three are 0. The VLAN id is 0 where the switch knows no VLANs.
 * Octets that make no whole entry, a group address, a VLAN id above 4,094, an unknown kind
 * and a part that is not below `parts` make the packet malformed: none of it counts.
 */
import { MAC_LENGTH, readHigh32, readLow16, writeMac } from '../switch/mac-address.ts';

export const ClaimKind = { list: 1, added: 2, removed: 3 } as const;
export type ClaimKind = (typeof ClaimKind)[keyof typeof ClaimKind];

const KIND_OFFSET = 0;
const LIST_OFFSET = 1;
const PART_OFFSET = 2;
const PARTS_OFFSET = 3;
export const CLAIM_HEADER_LENGTH = 4;

const VID_OFFSET = 0;
const MAC_OFFSET = 2;
export const CLAIM_ENTRY_LENGTH = MAC_OFFSET + MAC_LENGTH;

/** 802.1Q-2018, table 9-2: 4,095 is reserved. */
const MAX_VID = 4094;

/** Ours: the most hosts a node claims, and a friend believes. */
export const MAX_CLAIMS = 1024;
/** Ours: entries of one packet, so that it fits into the smallest record, over a relay too. */
export const ENTRIES_PER_CLAIM = 96;
/** The most parts of a list: one bit each in a mask. */
export const MAX_PARTS = 16;

export function claimKind(bytes: Uint8Array, offset: number): number {
  return bytes[offset + KIND_OFFSET];
}

export function claimList(bytes: Uint8Array, offset: number): number {
  return bytes[offset + LIST_OFFSET];
}

export function claimPart(bytes: Uint8Array, offset: number): number {
  return bytes[offset + PART_OFFSET];
}

export function claimParts(bytes: Uint8Array, offset: number): number {
  return bytes[offset + PARTS_OFFSET];
}

/** Entries of a claim of so many octets, or -1 when it is malformed. */
export function claimCount(bytes: Uint8Array, offset: number, length: number): number {
  const octets = length - CLAIM_HEADER_LENGTH;
  if (octets < 0 || octets % CLAIM_ENTRY_LENGTH !== 0) return -1;
  const kind = claimKind(bytes, offset);
  if (kind < ClaimKind.list || kind > ClaimKind.removed) return -1;
  const parts = claimParts(bytes, offset);
  if (kind === ClaimKind.list && (parts > MAX_PARTS || claimPart(bytes, offset) >= parts)) {
    return -1;
  }
  const count = octets / CLAIM_ENTRY_LENGTH;
  for (let index = 0; index < count; index++) {
    const entry = entryOffset(offset, index);
    const isGroup = (bytes[entry + MAC_OFFSET] & 1) !== 0;
    if (isGroup || claimVid(bytes, entry) > MAX_VID) return -1;
  }
  return count;
}

/** Where the entry of `index` is, for the three functions below. */
export function entryOffset(offset: number, index: number): number {
  return offset + CLAIM_HEADER_LENGTH + index * CLAIM_ENTRY_LENGTH;
}

export function claimVid(bytes: Uint8Array, entry: number): number {
  return (bytes[entry + VID_OFFSET] << 8) | bytes[entry + VID_OFFSET + 1];
}

export function claimHigh(bytes: Uint8Array, entry: number): number {
  return readHigh32(bytes, entry + MAC_OFFSET);
}

export function claimLow(bytes: Uint8Array, entry: number): number {
  return readLow16(bytes, entry + MAC_OFFSET);
}

export function writeClaimHeader(
  bytes: Uint8Array,
  kind: ClaimKind,
  list: number,
  part: number,
  parts: number,
): void {
  bytes[KIND_OFFSET] = kind;
  bytes[LIST_OFFSET] = list;
  bytes[PART_OFFSET] = part;
  bytes[PARTS_OFFSET] = parts;
}

export function writeClaimEntry(
  bytes: Uint8Array,
  index: number,
  high: number,
  low: number,
  vid: number,
): void {
  const entry = entryOffset(0, index);
  bytes[entry + VID_OFFSET] = vid >>> 8;
  bytes[entry + VID_OFFSET + 1] = vid;
  writeMac(bytes, entry + MAC_OFFSET, high, low);
}
