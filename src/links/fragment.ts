/**
 * Fragments: how an Ethernet frame crosses a datagram link that is too narrow for it.
 *
 * Ours; docs/protocol/link.md, section "Fragments". The payload of a packet of
 * type `fragment`:
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-------------------------------+---------------+---------------+
 *   |           frame id            |     index     |     count     |
 *   +-------------------------------+---------------+---------------+
 *   |            offset             |         frame's length        |
 *   +-------------------------------+-------------------------------+
 *   |  octets of the frame from `offset` on …
 *
 * Network byte order. `index` runs from 0 to count-1. All fragments of a frame but
 * the last carry the same number of octets, the last carries the rest, so that the
 * pieces cover the frame and never overlap. All carry the same count and length.
 * One that breaks these rules, or disagrees with the first to arrive, is malformed
 * and dropped alone. Read about ids that come again: RFC 4963.
 */

const ID_OFFSET = 0;
const INDEX_OFFSET = 2;
const COUNT_OFFSET = 3;
const POSITION_OFFSET = 4;
const TOTAL_OFFSET = 6;
export const FRAGMENT_HEADER_LENGTH = 8;

/** The most fragments a frame is cut into: one bit each in a 32-bit mask. */
export const MAX_FRAGMENTS = 32;

export function fragmentId(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + ID_OFFSET] << 8) | bytes[offset + ID_OFFSET + 1];
}
export function fragmentIndex(bytes: Uint8Array, offset: number): number {
  return bytes[offset + INDEX_OFFSET];
}
export function fragmentCount(bytes: Uint8Array, offset: number): number {
  return bytes[offset + COUNT_OFFSET];
}
export function fragmentPosition(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + POSITION_OFFSET] << 8) | bytes[offset + POSITION_OFFSET + 1];
}
export function fragmentTotal(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + TOTAL_OFFSET] << 8) | bytes[offset + TOTAL_OFFSET + 1];
}

export function writeFragmentHeader(
  bytes: Uint8Array,
  offset: number,
  id: number,
  index: number,
  count: number,
  position: number,
  total: number,
): void {
  bytes[offset + ID_OFFSET] = id >>> 8;
  bytes[offset + ID_OFFSET + 1] = id;
  bytes[offset + INDEX_OFFSET] = index;
  bytes[offset + COUNT_OFFSET] = count;
  bytes[offset + POSITION_OFFSET] = position >>> 8;
  bytes[offset + POSITION_OFFSET + 1] = position;
  bytes[offset + TOTAL_OFFSET] = total >>> 8;
  bytes[offset + TOTAL_OFFSET + 1] = total;
}

/** Where a frame is put together: memory that the caller lends, one slot a frame. */
export interface FrameSlots {
  /** Octets in a slot. */
  readonly slotLength: number;
  /** Slots that can still be taken. */
  readonly available: number;
  /** The slab offset of a slot now ours, or -1 when there is none. */
  take(): number;
  give(offset: number): void;
}

/** Frames of one link that may be in pieces at a time; the oldest makes room. */
const MAX_PARTIAL_FRAMES = 4;
/** Milliseconds after which an incomplete frame is given up. */
const REASSEMBLY_TIMEOUT = 1000;
/**
 * Frames begun after it, after which an incomplete one is given up: on a fast link the
 * 65,536 ids come round within the timeout, and pieces of two frames must not mix.
 */
const MAX_ID_DISTANCE = 1024;

interface PartialFrame {
  slot: number;
  id: number;
  count: number;
  total: number;
  /** Octets of each fragment but the last. */
  piece: number;
  mask: number;
  startedAt: number;
}

/**
 * Puts frames together again, for one link.
 *
 * `accept` takes one fragment payload in the slab. It returns the slab offset of
 * a frame that is now whole (its length is `lastLength`), or -1. The whole frame
 * is the caller's until it calls `release` with that offset.
 */
export class Reassembly {
  readonly #slots: FrameSlots;
  readonly #maxFrame: number;
  readonly #partial: PartialFrame[] = [];
  /** Length of the frame that `accept` returned last. */
  lastLength = 0;
  /** Fragments that made no sense. */
  malformed = 0;
  /** Frames given up: a piece was lost, or there was no memory. */
  abandoned = 0;

  constructor(slots: FrameSlots, maxFrame: number) {
    this.#slots = slots;
    this.#maxFrame = Math.min(maxFrame, slots.slotLength);
  }

  accept(slab: Uint8Array, offset: number, length: number, now: number): number {
    const data = length - FRAGMENT_HEADER_LENGTH;
    if (data <= 0) return this.#reject();
    const id = fragmentId(slab, offset);
    const index = fragmentIndex(slab, offset);
    const count = fragmentCount(slab, offset);
    const position = fragmentPosition(slab, offset);
    const total = fragmentTotal(slab, offset);
    if (count < 2 || count > MAX_FRAGMENTS || index >= count) return this.#reject();
    if (total > this.#maxFrame) return this.#reject();
    const piece = pieceLength(index, count, position, data, total);
    if (piece < 0) return this.#reject();

    const frame = this.#find(id) ?? this.#begin(id, count, total, piece, now);
    if (frame === undefined) return -1;
    if (frame.count !== count || frame.total !== total || frame.piece !== piece) {
      return this.#reject();
    }
    const bit = 1 << index;
    if ((frame.mask & bit) !== 0) return -1; // a repeat adds nothing
    const from = offset + FRAGMENT_HEADER_LENGTH;
    slab.copyWithin(frame.slot + position, from, from + data);
    frame.mask |= bit;
    const whole = (0xffffffff >>> (MAX_FRAGMENTS - count)) | 0;
    if (frame.mask !== whole) return -1;
    this.#partial.splice(this.#partial.indexOf(frame), 1);
    this.lastLength = total;
    return frame.slot;
  }

  release(slot: number): void {
    this.#slots.give(slot);
  }

  /** Gives up what has waited too long. */
  expire(now: number): void {
    while (this.#partial.length > 0 && now - this.#partial[0].startedAt > REASSEMBLY_TIMEOUT) {
      this.#abandonOldest();
    }
  }

  /** Gives all memory back. */
  clear(): void {
    while (this.#partial.length > 0) this.#abandonOldest();
  }

  #find(id: number): PartialFrame | undefined {
    for (const frame of this.#partial) if (frame.id === id) return frame;
    return undefined;
  }

  #begin(
    id: number,
    count: number,
    total: number,
    piece: number,
    now: number,
  ): PartialFrame | undefined {
    while (this.#partial.length > 0 && isLongAgo(this.#partial[0].id, id)) this.#abandonOldest();
    if (this.#partial.length === MAX_PARTIAL_FRAMES) this.#abandonOldest();
    const slot = this.#slots.take();
    if (slot < 0) {
      this.abandoned++;
      return undefined;
    }
    const frame = { slot, id, count, total, piece, mask: 0, startedAt: now };
    this.#partial.push(frame);
    return frame;
  }

  #abandonOldest(): void {
    const oldest = this.#partial.shift();
    if (oldest === undefined) return;
    this.#slots.give(oldest.slot);
    this.abandoned++;
  }

  #reject(): number {
    this.malformed++;
    return -1;
  }
}

/** Octets of each fragment but the last, as one fragment tells it; -1 when it breaks the rules. */
export function pieceLength(
  index: number,
  count: number,
  position: number,
  data: number,
  total: number,
): number {
  if (index === count - 1) {
    const piece = position / (count - 1);
    const fits = Number.isInteger(piece) && data <= piece && position + data === total;
    return fits ? piece : -1;
  }
  const rest = total - (count - 1) * data;
  return position === index * data && rest > 0 && rest <= data ? data : -1;
}

/** Whether so many frames have begun between two ids that the older one is not to be expected. */
function isLongAgo(older: number, newer: number): boolean {
  const distance = (newer - older) & 0xffff;
  return distance > MAX_ID_DISTANCE && distance < 0x8000;
}
