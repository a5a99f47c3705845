/**
 * Puts super-frames together again, for one link. Format: super-frame.ts.
 *
 * Datagrams of one flow hardly overtake each other, so a super-frame that is still
 * incomplete when a later one is whole has lost a piece; it is given out as it is, first,
 * and so is one that has waited for PATIENCE, the oldest of too many, and one whose memory
 * others need more. The caller makes of it what can be made.
 */
import {
  FRAGMENT_HEADER_LENGTH,
  type FrameSlots,
  fragmentCount,
  fragmentId,
  fragmentIndex,
  fragmentPosition,
  fragmentTotal,
  pieceLength,
} from './fragment.ts';
import { MAX_SUPER_FRAGMENTS, SUPER_HEADER_LENGTH } from './super-frame.ts';

/** Super-frames of one link that may be in pieces at a time; `surplus` gives out the oldest. */
const MAX_PARTIAL = 4;
/** Milliseconds that a piece may be late. */
const PATIENCE = 10;

/**
 * A super-frame of which all or some pieces have come. A piece first stays where it came
 * in, which is good until the end of the turn; `settle` then copies it to its place.
 */
export interface PartialSuperFrame {
  /** Slab offset of the super-header; the frame is behind it. Whoever gets it gives it back. */
  slot: number;
  /** Slab offset of each piece's octets, by index. */
  readonly offsets: Int32Array;
  /** Pieces that are not in their place yet. */
  loose: number;
  id: number;
  count: number;
  /** Octets of super-header and frame. */
  total: number;
  /** Octets of each piece but the last. */
  piece: number;
  /** A bit for each piece that has come: the first 32, and the others. */
  low: number;
  high: number;
  startedAt: number;
  /** It is for a host of ours (packet.ts, STRAIGHT). */
  straight: boolean;
}

export class SuperReassembly {
  readonly #slots: FrameSlots;
  readonly #partial: PartialSuperFrame[] = [];
  /** Records to be used again: nothing is allocated per frame. */
  readonly #spare: PartialSuperFrame[] = [];
  /** Pieces that made no sense. */
  malformed = 0;
  /** Super-frames of which a piece was lost, or for which there was no memory. */
  abandoned = 0;

  constructor(slots: FrameSlots) {
    this.#slots = slots;
  }

  get isEmpty(): boolean {
    return this.#partial.length === 0;
  }

  /** Super-frames in pieces, each with a slot. */
  get held(): number {
    return this.#partial.length;
  }

  /** When the oldest of them began; Infinity without one. */
  get oldestSince(): number {
    return this.#partial[0]?.startedAt ?? Number.POSITIVE_INFINITY;
  }

  /** Whether this piece, of any length, begins a super-frame for which there is no memory. */
  lacksRoom(slab: Uint8Array, offset: number, length: number): boolean {
    if (this.#slots.available > 0 || length < FRAGMENT_HEADER_LENGTH) return false;
    return this.#find(fragmentId(slab, offset)) === undefined;
  }

  /**
   * One piece: the payload of a packet.
   * @returns the super-frame that is whole now; before it is dealt with, `older` has to be.
   *   Without one `surplus` has to be asked
   */
  accept(
    slab: Uint8Array,
    offset: number,
    length: number,
    now: number,
    straight = false,
  ): PartialSuperFrame | undefined {
    const data = length - FRAGMENT_HEADER_LENGTH;
    const count = data > 0 ? fragmentCount(slab, offset) : 0;
    const index = fragmentIndex(slab, offset);
    const position = fragmentPosition(slab, offset);
    const total = fragmentTotal(slab, offset);
    if (count < 2 || count > MAX_SUPER_FRAGMENTS || index >= count) return this.#reject();
    const piece = pieceLength(index, count, position, data, total);
    if (piece <= SUPER_HEADER_LENGTH || total > this.#slots.slotLength) return this.#reject();
    const id = fragmentId(slab, offset);
    const frame = this.#find(id) ?? this.#begin(id, count, total, piece, now);
    if (frame === undefined) return undefined;
    if (frame.count !== count || frame.total !== total || frame.piece !== piece) {
      return this.#reject();
    }
    if ((frame.low | frame.high) === 0) frame.straight = straight;
    else if (frame.straight !== straight) return this.#reject();
    if (hasPiece(frame, index)) return undefined; // a repeat adds nothing
    frame.offsets[index] = offset + FRAGMENT_HEADER_LENGTH;
    frame.loose++;
    if (index < 32) frame.low |= 1 << index;
    else frame.high |= 1 << (index - 32);
    return isWhole(frame) ? frame : undefined;
  }

  /** The turn is over: what is incomplete is copied to where it lasts. */
  settle(slab: Uint8Array): void {
    for (const frame of this.#partial) settle(slab, frame);
  }

  /** Takes out a frame that began before `frame`, if there is one; the caller gives it back. */
  older(frame: PartialSuperFrame): PartialSuperFrame | undefined {
    return this.#partial[0] === frame ? undefined : this.#takeFirst();
  }

  /** Takes out a frame that has waited long enough, if there is one. */
  late(now: number): PartialSuperFrame | undefined {
    const first = this.#partial[0];
    if (first === undefined || now - first.startedAt < PATIENCE) return undefined;
    return this.#takeFirst();
  }

  /** Takes out the oldest frame if there are too many; the caller gives it back. */
  surplus(): PartialSuperFrame | undefined {
    return this.#partial.length > MAX_PARTIAL ? this.#takeFirst() : undefined;
  }

  /** Takes out the oldest frame, as others need its memory; the caller gives it back. */
  reclaim(): PartialSuperFrame | undefined {
    return this.#takeFirst();
  }

  /** Takes a whole frame out. */
  take(frame: PartialSuperFrame): void {
    const partial = this.#partial;
    let left = 0;
    for (const each of partial) if (each !== frame) partial[left++] = each;
    if (left < partial.length) partial.pop(); // `splice` would make an array of it
  }

  /** The record of a frame that was taken out may be used again; its memory goes back. */
  release(frame: PartialSuperFrame): void {
    this.#slots.give(frame.slot);
    this.#spare.push(frame);
  }

  /** Gives all memory back. */
  clear(): void {
    for (const frame of this.#partial) this.#slots.give(frame.slot);
    this.#partial.length = 0;
  }

  #takeFirst(): PartialSuperFrame | undefined {
    const first = this.#partial.shift();
    if (first !== undefined && !isWhole(first)) this.abandoned++;
    return first;
  }

  #find(id: number): PartialSuperFrame | undefined {
    for (const frame of this.#partial) if (frame.id === id) return frame;
    return undefined;
  }

  #begin(
    id: number,
    count: number,
    total: number,
    piece: number,
    now: number,
  ): PartialSuperFrame | undefined {
    const slot = this.#slots.take();
    if (slot < 0) {
      this.abandoned++;
      return undefined;
    }
    const frame = this.#spare.pop() ?? {
      slot: 0,
      offsets: new Int32Array(MAX_SUPER_FRAGMENTS),
      loose: 0,
      id: 0,
      count: 0,
      total: 0,
      piece: 0,
      low: 0,
      high: 0,
      startedAt: 0,
      straight: false,
    };
    frame.slot = slot;
    frame.id = id;
    frame.count = count;
    frame.total = total;
    frame.piece = piece;
    frame.low = frame.high = frame.loose = 0;
    frame.startedAt = now;
    this.#partial.push(frame);
    return frame;
  }

  #reject(): undefined {
    this.malformed++;
    return undefined;
  }
}

/** Octets of the piece of `index`. */
export function pieceOctets(frame: PartialSuperFrame, index: number): number {
  return index === frame.count - 1 ? frame.total - index * frame.piece : frame.piece;
}

/** Copies all pieces that have come to their places, so that the frame lies in its slot. */
export function settle(slab: Uint8Array, frame: PartialSuperFrame): void {
  if (frame.loose === 0) return;
  const { slot, piece, offsets } = frame;
  for (let index = 0; index < frame.count; index++) {
    if (!hasPiece(frame, index)) continue;
    const from = offsets[index];
    const to = slot + index * piece;
    if (from === to) continue;
    slab.copyWithin(to, from, from + pieceOctets(frame, index));
    offsets[index] = to;
  }
  frame.loose = 0;
}

/** Whether the piece of `index` has come. */
export function hasPiece(frame: PartialSuperFrame, index: number): boolean {
  const bit = index < 32 ? frame.low >>> index : frame.high >>> (index - 32);
  return (bit & 1) !== 0;
}

function isWhole(frame: PartialSuperFrame): boolean {
  const { count } = frame;
  if (count <= 32) return frame.low === lowBits(count);
  return frame.low === -1 && frame.high === lowBits(count - 32);
}

/** A signed integer with the lowest `count` bits set, 1 … 32. */
function lowBits(count: number): number {
  return (0xffffffff >>> (32 - count)) | 0;
}
