/**
 * The VLAN tag.
 *
 * Read first: IEEE 802.1Q-2018, clause 9 (tag format), 6.9 (which VLAN a frame is in).
 *
 *    12              14  (from the start of the frame)
 *   +---------------+-----+-+-----------------------+------
 *   |     TPID      | PCP |D|          VID          | type
 *   |    0x8100     |  3  |1|          12           |
 *   +---------------+-----+-+-----------------------+------
 *                   `------------- TCI -------------'
 *
 * Only the customer tag is known here. A frame with any other TPID counts as
 * untagged; of several tags only the outer one is looked at.
 */
import { ADDRESSES_LENGTH, EtherType, HEADER_LENGTH, readType, TYPE_OFFSET } from './ethernet.ts';

const TCI_OFFSET = TYPE_OFFSET + 2;

/** Octets a tag adds to a frame. */
export const TAG_LENGTH = 4;

/** Octets of both addresses and the tag. */
export const TAGGED_ADDRESSES_LENGTH = ADDRESSES_LENGTH + TAG_LENGTH;

/** The shortest frame with a tag and a type behind it. */
export const MIN_TAGGED_LENGTH = HEADER_LENGTH + TAG_LENGTH;

const VID_MASK = 0x0fff;
const DEI_BIT = 0x1000;
const PCP_SHIFT = 13;

/** VID 0 in a tag: the tag carries a priority only (9.6, table 9-2). */
export const PRIORITY_VID = 0;

/** The greatest VID a VLAN may have; 4095 is reserved (table 9-2). */
export const MAX_VID = 4094;

export interface VlanTag {
  /** Priority Code Point, 0 … 7. */
  readonly pcp: number;
  /** Drop Eligible Indicator. */
  readonly dei: boolean;
  /** VLAN Identifier, 0 … 4095. */
  readonly vid: number;
}

/** True when a whole tag and the type behind it are there. */
export function isTagged(bytes: Uint8Array, offset: number, length: number): boolean {
  return length >= MIN_TAGGED_LENGTH && readType(bytes, offset) === EtherType.vlan;
}

/** Tag Control Information of a tagged frame. */
export function readTci(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + TCI_OFFSET] << 8) | bytes[offset + TCI_OFFSET + 1];
}

export function vidOf(tci: number): number {
  return tci & VID_MASK;
}

/** `tci` with another VID; priority and DEI stay. */
export function withVid(tci: number, vid: number): number {
  return (tci & ~VID_MASK) | (vid & VID_MASK);
}

/** Overwrites the TCI of a tagged frame in place. */
export function writeTci(bytes: Uint8Array, offset: number, tci: number): void {
  bytes[offset + TCI_OFFSET] = tci >>> 8;
  bytes[offset + TCI_OFFSET + 1] = tci;
}

/** The tag of a frame. @returns undefined when it has none */
export function parseTag(bytes: Uint8Array): VlanTag | undefined {
  if (!isTagged(bytes, 0, bytes.length)) return undefined;
  const tci = readTci(bytes, 0);
  return { pcp: tci >>> PCP_SHIFT, dei: (tci & DEI_BIT) !== 0, vid: vidOf(tci) };
}

export function tciOf(tag: VlanTag): number {
  return ((tag.pcp & 7) << PCP_SHIFT) | (tag.dei ? DEI_BIT : 0) | (tag.vid & VID_MASK);
}

/** Writes TPID and TCI where the type of the frame at `offset` of `out` begins. @returns octets written */
export function emitTag(tag: VlanTag, out: Uint8Array, offset: number): number {
  writeTpid(out, offset);
  writeTci(out, offset, tciOf(tag));
  return TAG_LENGTH;
}

/**
 * Tags the frame at `offset` in place: its addresses move TAG_LENGTH octets to
 * the front, into headroom that the caller owns. The frame grows by TAG_LENGTH.
 * @returns the frame's new offset
 */
export function insertTag(bytes: Uint8Array, offset: number, tci: number): number {
  const start = offset - TAG_LENGTH;
  for (let i = 0; i < ADDRESSES_LENGTH; i++) bytes[start + i] = bytes[offset + i];
  writeTpid(bytes, start);
  writeTci(bytes, start, tci);
  return start;
}

/**
 * Takes the tag out of a tagged frame in place: its addresses move TAG_LENGTH
 * octets to the back. The frame shrinks by TAG_LENGTH.
 * @returns the frame's new offset
 */
export function stripTag(bytes: Uint8Array, offset: number): number {
  const start = offset + TAG_LENGTH;
  for (let i = ADDRESSES_LENGTH - 1; i >= 0; i--) bytes[start + i] = bytes[offset + i];
  return start;
}

/**
 * Writes the TAGGED_ADDRESSES_LENGTH octets that begin a tagged copy of the
 * frame at `offset`, and leaves the frame alone. What follows in the copy is
 * the frame from ADDRESSES_LENGTH on when it was untagged, or from
 * TAGGED_ADDRESSES_LENGTH on when its tag is replaced. So one frame can go out
 * tagged and untagged at once, without a copy of its payload.
 */
export function writeTaggedAddresses(
  bytes: Uint8Array,
  offset: number,
  tci: number,
  out: Uint8Array,
  outOffset: number,
): void {
  for (let i = 0; i < ADDRESSES_LENGTH; i++) out[outOffset + i] = bytes[offset + i];
  writeTpid(out, outOffset);
  writeTci(out, outOffset, tci);
}

function writeTpid(bytes: Uint8Array, offset: number): void {
  bytes[offset + TYPE_OFFSET] = EtherType.vlan >>> 8;
  bytes[offset + TYPE_OFFSET + 1] = EtherType.vlan & 0xff;
}
