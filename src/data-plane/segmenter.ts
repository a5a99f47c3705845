/**
 * Cuts a super-frame for those who cannot take it, once however many there are.
 *
 * The frames lie in a piece of memory that is lent until the end of the turn, as
 * send records point into it.
 */
import type { BatchedIo } from '../io/contract.ts';
import { type FrameOffload, SUPER_HEADER_LENGTH, superFrameHeaders } from '../links/super-frame.ts';
import { settle } from '../links/super-reassembly.ts';
import type { PiecePool } from './memory.ts';

/** Pieces of memory that one turn may hold before it has to send. */
const MOST_LENT = 16;

export class Segmenter {
  readonly #io: BatchedIo;
  readonly #pool: PiecePool;
  readonly #lent: number[] = [];
  /** Where the frames of the super-frame in hand are; -1 when it is not cut yet. */
  #start = -1;
  #segment = 0;
  #last = 0;
  /** Frames of the super-frame in hand. */
  count = 0;

  constructor(io: BatchedIo, pool: PiecePool) {
    this.#io = io;
    this.#pool = pool;
  }

  /** The super-frame in hand is cut. */
  get has(): boolean {
    return this.#start >= 0;
  }

  get hasLent(): boolean {
    return this.#lent.length > 0;
  }

  /** So much memory is lent that some should be released before more is cut. */
  get isShort(): boolean {
    return this.#lent.length >= MOST_LENT || (this.hasLent && this.#pool.available === 0);
  }

  /** Cuts the super-frame, unless that is done. @returns false when it cannot be cut */
  cut(offset: number, length: number, offload: Readonly<FrameOffload>): boolean {
    if (this.has) return true;
    const piece = this.#pool.take();
    if (piece < 0) return false;
    const { segmentSize, checksumStart, checksumOffset } = offload;
    const room = this.#pool.slotLength;
    const count = this.#io.segment(
      offset,
      length,
      offload.offload,
      segmentSize,
      checksumStart,
      checksumOffset,
      piece,
      room,
    );
    if (count <= 0) {
      this.#pool.give(piece);
      return false;
    }
    const headers = superFrameHeaders(this.#io.slab, offset, offload);
    this.#start = piece;
    this.#segment = headers + segmentSize;
    this.#last = headers + (length - headers - (count - 1) * segmentSize);
    this.count = count;
    this.#lent.push(piece);
    return true;
  }

  offsetOf(index: number): number {
    return this.#start + index * this.#segment;
  }

  lengthOf(index: number): number {
    return index === this.count - 1 ? this.#last : this.#segment;
  }

  /** The next super-frame is another one. */
  forget(): void {
    this.#start = -1;
    this.count = 0;
  }

  /** Gives all memory back: nothing points there any more. */
  release(): void {
    for (const piece of this.#lent) this.#pool.give(piece);
    this.#lent.length = 0;
    this.forget();
  }
}

/** Where a super-frame lies in one piece; it is put together if it does not. */
export function inOnePlace(
  slab: Uint8Array,
  offset: number,
  offload: Readonly<FrameOffload>,
): number {
  const { pieces } = offload;
  if (pieces === undefined) return offset;
  settle(slab, pieces);
  return pieces.slot + SUPER_HEADER_LENGTH;
}
