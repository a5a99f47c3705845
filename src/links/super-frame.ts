/**
 * Super-frames on a link: what a TAP hands over whole crosses whole.
 *
 * Ours; docs/protocol/link.md, section "Super-frames". Only where both ends have the
 * feature. The payload of a packet of type `superFrame`:
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +---------------+---------------+-------------------------------+
 *   |    offload    |     zero      |         segment size          |
 *   +---------------+---------------+-------------------------------+
 *   |        checksum start         |        checksum offset        |
 *   +-------------------------------+-------------------------------+
 *   |  octets of the frame …
 *
 * Network byte order; the fields are those of a receive record (io/contract.ts). What
 * does not fit into one record is cut into pieces, header and frame alike: each is the
 * payload of a packet of type `superFragment`, and begins with a fragment header
 * (fragment.ts) whose position and length count from the header above. The same rules
 * hold, but there may be 64 pieces.
 *
 * The frame is not cut at the segments of its payload: so each datagram is full, and the
 * TCP/IP headers cross once for them all. When a piece is lost, what came is still
 * segments of a stream of octets: super-frame-salvage.ts makes frames of it.
 */

import { Offload } from '../io/contract.ts';
import type { PartialSuperFrame } from './super-reassembly.ts';

/** Bit in the features of a handshake: this end takes super-frames. */
export const FEATURE_SUPER_FRAMES = 1;

const OFFLOAD_OFFSET = 0;
const SEGMENT_SIZE_OFFSET = 2;
const CHECKSUM_START_OFFSET = 4;
const CHECKSUM_OFFSET_OFFSET = 6;
export const SUPER_HEADER_LENGTH = 8;

/** RFC 768; RFC 9293 section 3.1, the octet that begins with Data Offset in 32-bit words. */
const UDP_HEADER_LENGTH = 8;
const TCP_DATA_OFFSET = 12;

/** The most pieces a super-frame is cut into: what one UDP_SEGMENT send takes. */
export const MAX_SUPER_FRAGMENTS = 64;

/** Octets of the longest frame that can cross so: header and frame have a 16-bit length. */
export const MAX_SUPER_FRAME = 0xffff - SUPER_HEADER_LENGTH;

/** What a frame still needs (io/contract.ts, Offload). Filled anew for each frame. */
export interface FrameOffload {
  /** An Offload; 0 for a complete frame. */
  offload: Offload;
  /** Octets of payload in each segment. */
  segmentSize: number;
  /** Of the TCP or UDP header, from the start of the frame. */
  checksumStart: number;
  /** Of the checksum, from `checksumStart`. */
  checksumOffset: number;
  /** The super-frame is in pieces still, of which the first holds all headers. */
  pieces?: PartialSuperFrame | undefined;
}

/** A frame that needs nothing. */
export const COMPLETE: Readonly<FrameOffload> = {
  offload: Offload.none,
  segmentSize: 0,
  checksumStart: 0,
  checksumOffset: 0,
};

export function writeSuperHeader(
  bytes: Uint8Array,
  offset: number,
  frame: Readonly<FrameOffload>,
): void {
  bytes[offset + OFFLOAD_OFFSET] = frame.offload;
  bytes[offset + OFFLOAD_OFFSET + 1] = 0;
  write16(bytes, offset + SEGMENT_SIZE_OFFSET, frame.segmentSize);
  write16(bytes, offset + CHECKSUM_START_OFFSET, frame.checksumStart);
  write16(bytes, offset + CHECKSUM_OFFSET_OFFSET, frame.checksumOffset);
}

/** Fills `frame`. Whether it fits the octets behind is for `checkOffload` to say. */
export function readSuperHeader(bytes: Uint8Array, offset: number, frame: FrameOffload): void {
  frame.offload = bytes[offset + OFFLOAD_OFFSET] as Offload;
  frame.segmentSize = read16(bytes, offset + SEGMENT_SIZE_OFFSET);
  frame.checksumStart = read16(bytes, offset + CHECKSUM_START_OFFSET);
  frame.checksumOffset = read16(bytes, offset + CHECKSUM_OFFSET_OFFSET);
}

/** Octets of all headers of a super-frame whose fields are known to fit it. */
export function superFrameHeaders(
  bytes: Uint8Array,
  offset: number,
  frame: Readonly<FrameOffload>,
): number {
  const { checksumStart } = frame;
  if (frame.offload === Offload.udp) return checksumStart + UDP_HEADER_LENGTH;
  return checksumStart + (bytes[offset + checksumStart + TCP_DATA_OFFSET] >>> 4) * 4;
}

function read16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] << 8) | bytes[offset + 1];
}

function write16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8;
  bytes[offset + 1] = value;
}
