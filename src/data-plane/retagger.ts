/**
 * Makes the copies of frames that leave with another tag than they came with: one for each
 * change, however many ports want it.
 *
 * Read first: IEEE 802.1Q-2018, 6.9 and clause 9; src/switch/vlan-tag.ts.
 *
 * The copies lie one behind the other in pieces of memory that are lent until the end of the
 * turn, as send records point into them. Nothing here allocates per frame.
 */
import type { BatchedIo } from '../io/contract.ts';
import { COMPLETE, type FrameOffload } from '../links/super-frame.ts';
import { ADDRESSES_LENGTH } from '../switch/ethernet.ts';
import { TagAction } from '../switch/tag-action.ts';
import {
  TAG_LENGTH,
  TAGGED_ADDRESSES_LENGTH,
  writeTaggedAddresses,
  writeTci,
} from '../switch/vlan-tag.ts';
import type { PiecePool } from './memory.ts';

/** Pieces of memory that one turn may hold before it has to send. */
const MOST_LENT = 8;
/** Copies begin at a multiple of it: a cache line. */
const ALIGNMENT = 64;

export class Retagger {
  readonly #slab: Uint8Array;
  readonly #pool: PiecePool;
  readonly #lent: number[] = [];
  /** Octets used of the last piece. */
  #fill = 0;
  /** Octets of the copy made last. */
  length = 0;
  /** Its offload fields. */
  readonly offload: FrameOffload = { ...COMPLETE };

  constructor(io: BatchedIo, pool: PiecePool) {
    this.#slab = io.slab;
    this.#pool = pool;
  }

  get hasLent(): boolean {
    return this.#lent.length > 0;
  }

  /** So much is lent that some should be released before a frame of `length` octets is copied. */
  isShort(length: number): boolean {
    if (!this.hasLent || this.#fits(length)) return false;
    return this.#lent.length >= MOST_LENT || this.#pool.available === 0;
  }

  /**
   * Copies a frame, changed as `action` says. `strip` and `replace` are for tagged frames only;
   * a super-frame has to lie in one piece.
   * @returns the slab offset of the copy, or -1 when there is no memory
   */
  copy(
    action: TagAction,
    offset: number,
    length: number,
    tci: number,
    offload: Readonly<FrameOffload>,
  ): number {
    if (!this.#fits(length)) {
      const piece = this.#pool.slotLength < length + TAG_LENGTH ? -1 : this.#pool.take();
      if (piece < 0) return -1;
      this.#lent.push(piece);
      this.#fill = 0;
    }
    const slab = this.#slab;
    const start = this.#lent[this.#lent.length - 1] + this.#fill;
    const end = offset + length;
    let grown = 0;
    if (action === TagAction.insert) {
      writeTaggedAddresses(slab, offset, tci, slab, start);
      slab.copyWithin(start + TAGGED_ADDRESSES_LENGTH, offset + ADDRESSES_LENGTH, end);
      grown = TAG_LENGTH;
    } else if (action === TagAction.strip) {
      slab.copyWithin(start, offset, offset + ADDRESSES_LENGTH);
      slab.copyWithin(start + ADDRESSES_LENGTH, offset + TAGGED_ADDRESSES_LENGTH, end);
      grown = -TAG_LENGTH;
    } else {
      slab.copyWithin(start, offset, end);
      if (action === TagAction.replace) writeTci(slab, start, tci);
    }
    this.length = length + grown;
    this.#fill += (this.length + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    const fields = this.offload;
    fields.offload = offload.offload;
    fields.segmentSize = offload.segmentSize;
    fields.checksumStart = offload.checksumStart + grown;
    fields.checksumOffset = offload.checksumOffset;
    return start;
  }

  /** Gives all memory back: nothing points there any more. */
  release(): void {
    for (const piece of this.#lent) this.#pool.give(piece);
    this.#lent.length = 0;
    this.#fill = 0;
  }

  #fits(length: number): boolean {
    return this.hasLent && this.#fill + length + TAG_LENGTH <= this.#pool.slotLength;
  }
}
