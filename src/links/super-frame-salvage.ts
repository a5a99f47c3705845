/**
 * What can be had of a super-frame of which pieces were lost.
 *
 * Read first: super-frame.ts; RFC 9293 section 3.1 (sequence numbers count octets, so any
 * run of them is a segment), RFC 791, RFC 8200, RFC 1071.
 *
 *   pieces    | 0 headers | 1 | 2 |  lost  | 4 | 5 |
 *   frames    [ headers, payload ]      [ headers, payload ]
 *
 * Each run of pieces becomes a frame of its own: the whole segments in it, behind a copy
 * of the headers, which lie in the first piece; without that nothing can be had. The copy
 * goes into the gap before the run, so nothing else moves. Rare, so not tuned.
 */
import { Offload } from '../io/contract.ts';
import { checkOffload, completeChecksum } from '../io/offload.ts';
import {
  COMPLETE,
  type FrameOffload,
  readSuperHeader,
  SUPER_HEADER_LENGTH,
} from './super-frame.ts';
import { hasPiece, type PartialSuperFrame, settle } from './super-reassembly.ts';

const TYPE_OFFSET = 12;
const TAG_LENGTH = 4;
const TYPE_IPV4 = 0x0800;
const TAG_TYPES: readonly number[] = [0x8100, 0x88a8];

const IPV4_TOTAL_LENGTH = 2;
const IPV4_IDENTIFICATION = 4;
const IPV4_CHECKSUM = 10;
const IPV6_PAYLOAD_LENGTH = 4;
const IPV6_HEADER_LENGTH = 40;
const UDP_LENGTH = 4;
const TCP_SEQUENCE = 4;
const TCP_FLAGS = 13;
const FIN_AND_PSH = 0x09;
const CWR = 0x80;

/** Takes a frame that lies in the slab; `offload` is as `COMPLETE` or good until it returns. */
type Give = (offset: number, length: number, offload: Readonly<FrameOffload>) => void;

/** Makes frames of what has come, in the memory of the super-frame, and gives them away. */
export function salvage(slab: Uint8Array, frame: PartialSuperFrame, give: Give): void {
  if (!hasPiece(frame, 0)) return;
  settle(slab, frame);
  const fields: FrameOffload = { ...COMPLETE };
  readSuperHeader(slab, frame.slot, fields);
  const base = frame.slot + SUPER_HEADER_LENGTH;
  const length = frame.total - SUPER_HEADER_LENGTH;
  const { offload, segmentSize, checksumStart, checksumOffset } = fields;
  const headers = checkOffload(
    slab,
    base,
    length,
    offload,
    segmentSize,
    checksumStart,
    checksumOffset,
  );
  if (headers === 0 || SUPER_HEADER_LENGTH + headers > frame.piece) return;
  const template = slab.slice(base, base + headers);
  const payload = SUPER_HEADER_LENGTH + headers;
  for (let first = 0; first < frame.count; first++) {
    if (!hasPiece(frame, first)) continue;
    let end = first + 1;
    while (end < frame.count && hasPiece(frame, end)) end++;
    const from = Math.max(0, first * frame.piece - payload);
    const start = Math.ceil(from / segmentSize) * segmentSize;
    const last = end === frame.count;
    const to = end * frame.piece - payload;
    const stop = last ? length - headers : Math.floor(to / segmentSize) * segmentSize;
    first = end;
    if (stop <= start) continue;
    const octets = headers + stop - start;
    slab.set(template, base + start);
    rewrite(slab, base + start, octets, headers, length - octets, start, last, fields);
    if (stop - start > segmentSize) give(base + start, octets, fields);
    else if (completeChecksum(slab, base + start, octets, checksumStart, checksumOffset)) {
      give(base + start, octets, COMPLETE);
    }
  }
}

/** @param missing octets by which it is shorter than the super-frame that it was part of */
function rewrite(
  slab: Uint8Array,
  at: number,
  octets: number,
  headers: number,
  missing: number,
  start: number,
  last: boolean,
  fields: Readonly<FrameOffload>,
): void {
  let type = at + TYPE_OFFSET;
  while (TAG_TYPES.includes(read16(slab, type))) type += TAG_LENGTH;
  const ip = type + 2;
  const transport = at + fields.checksumStart;
  if (read16(slab, type) === TYPE_IPV4) {
    write16(slab, ip + IPV4_TOTAL_LENGTH, at + octets - ip);
    const identification = read16(slab, ip + IPV4_IDENTIFICATION);
    write16(slab, ip + IPV4_IDENTIFICATION, identification + start / fields.segmentSize);
    write16(slab, ip + IPV4_CHECKSUM, 0);
    write16(slab, ip + IPV4_CHECKSUM, ~sum(slab, ip, (slab[ip] & 0x0f) * 4));
  } else {
    write16(slab, ip + IPV6_PAYLOAD_LENGTH, at + octets - ip - IPV6_HEADER_LENGTH);
  }
  if (fields.offload === Offload.udp) {
    write16(slab, transport + UDP_LENGTH, octets - headers + 8);
  } else {
    const sequence = (read32(slab, transport + TCP_SEQUENCE) + start) >>> 0;
    write16(slab, transport + TCP_SEQUENCE, sequence >>> 16);
    write16(slab, transport + TCP_SEQUENCE + 2, sequence);
    if (!last) slab[transport + TCP_FLAGS] &= ~FIN_AND_PSH;
    if (start > 0) slab[transport + TCP_FLAGS] &= ~CWR;
  }
  // The field holds the sum of the pseudo-header, of which the length is a part.
  const checksum = transport + fields.checksumOffset;
  write16(slab, checksum, fold(read16(slab, checksum) + (~missing & 0xffff)));
}

/** One's complement sum of an even number of octets, folded (RFC 1071). */
function sum(bytes: Uint8Array, offset: number, length: number): number {
  let total = 0;
  for (let i = 0; i < length; i += 2) total += read16(bytes, offset + i);
  return fold(total);
}

function fold(total: number): number {
  let folded = total;
  while (folded > 0xffff) folded = (folded & 0xffff) + (folded >>> 16);
  return folded;
}

function read16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] << 8) | bytes[offset + 1];
}

function read32(bytes: Uint8Array, offset: number): number {
  return ((read16(bytes, offset) << 16) | read16(bytes, offset + 2)) >>> 0;
}

function write16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8;
  bytes[offset + 1] = value;
}
