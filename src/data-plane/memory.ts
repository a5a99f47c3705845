/**
 * The free part of the slab, divided once: backlog slots, stream chunks, addresses.
 *
 *   | addresses | scratch | frame slots … | large pieces … | late frames … | chunks … | landing |
 *
 * Pages that are never touched cost nothing, so the division may be generous.
 */
import { ADDRESS_LENGTH, KEY_SLOTS, SLOT_LENGTH, SlabLayout } from '../io/contract.ts';
import type { FrameSlots } from '../links/fragment.ts';
import type { SessionReport } from './report.ts';

/** Addresses of datagram sessions, and a few for messages outside a session. */
export const ADDRESS_COUNT = 2048;
/** Frames that may wait for full sockets or for their missing pieces, in the whole node. */
const FRAME_SLOTS = 1024;
/**
 * Of these, what frames waiting for clients never take: frames in pieces need it. And
 * when so few are left that one client has had its share, others come first.
 */
export const RESERVED_FRAME_SLOTS = 256;
/** Slots for messages of the main thread, which must leave whatever clients do. */
const SCRATCH_SLOTS = 4;
/** Octets of a super-frame with its fields, or of the frames that it is cut into. */
const LARGE_LENGTH = 96 * 1024;
const LARGE_PIECES = 64;
/** Of these, what super-frames in pieces may have: cutting and tagging need the others. */
const SUPER_FRAME_PIECES = 48;
/** Frames that wait on impaired ports, in the whole node: 50 ms of them at 500 Mbit/s. */
const LATE_FRAMES = 2048;
/** Octets of a chunk: what a stream gathers before it is parsed, or may have waiting. */
export const CHUNK_LENGTH = 128 * 1024;

/** Octets for what came from other workers in one turn. */
const LANDING_LENGTH = 1024 * 1024;
/** Octets of the longest message between workers: a super-frame. */
const LONGEST_LANDING = 66_304;

const ADDRESSES_START = SlabLayout.free;
const SCRATCH_START = ADDRESSES_START + ADDRESS_COUNT * ADDRESS_LENGTH;
const FRAMES_START = SCRATCH_START + SCRATCH_SLOTS * SLOT_LENGTH;
const LARGE_START = FRAMES_START + FRAME_SLOTS * SLOT_LENGTH;
const LATE_START = LARGE_START + LARGE_PIECES * LARGE_LENGTH;
const CHUNKS_START = LATE_START + LATE_FRAMES * SLOT_LENGTH;
const LANDING_START = SlabLayout.free + SlabLayout.freeLength - LANDING_LENGTH;
const CHUNK_COUNT = Math.floor((LANDING_START - CHUNKS_START) / CHUNK_LENGTH);
const LANDING_ALIGNMENT = 16;

/** A free list of equal pieces of the slab; takes and gives in constant time, allocates nothing. */
export class PiecePool implements FrameSlots {
  readonly slotLength: number;
  readonly #start: number;
  readonly #free: Int32Array;
  #count: number;

  constructor(start: number, length: number, count: number) {
    this.slotLength = length;
    this.#start = start;
    this.#free = new Int32Array(count);
    for (let i = 0; i < count; i++) this.#free[i] = start + (count - 1 - i) * length;
    this.#count = count;
  }

  /** Pieces that can still be taken. */
  get available(): number {
    return this.#count;
  }

  /** @returns the slab offset of a piece, or -1 when there is none */
  take(): number {
    return this.#count === 0 ? -1 : this.#free[--this.#count];
  }

  give(offset: number): void {
    if ((offset - this.#start) % this.slotLength !== 0 || this.#count === this.#free.length) {
      throw new RangeError('not a piece of this pool');
    }
    this.#free[this.#count++] = offset;
  }
}

/** Memory for what came from other workers; it lasts for a turn. */
export class LandingStrip {
  #fill = LANDING_START;

  /** Whether there is room for a message, however long. */
  get hasRoom(): boolean {
    return this.#fill <= LANDING_START + LANDING_LENGTH - LONGEST_LANDING;
  }

  /** @returns the slab offset of `length` octets */
  take(length: number): number {
    const offset = this.#fill;
    this.#fill = (offset + length + LANDING_ALIGNMENT - 1) & ~(LANDING_ALIGNMENT - 1);
    return offset;
  }

  /** Nothing points there any more. */
  clear(): void {
    this.#fill = LANDING_START;
  }
}

/** What one use may have of a pool, so that something is left for others. */
class PoolShare implements FrameSlots {
  readonly slotLength: number;
  readonly #pool: PiecePool;
  #left: number;

  constructor(pool: PiecePool, most: number) {
    this.slotLength = pool.slotLength;
    this.#pool = pool;
    this.#left = most;
  }

  get available(): number {
    return Math.min(this.#left, this.#pool.available);
  }

  take(): number {
    if (this.#left === 0) return -1;
    const offset = this.#pool.take();
    if (offset >= 0) this.#left--;
    return offset;
  }

  give(offset: number): void {
    this.#pool.give(offset);
    this.#left++;
  }
}

/** Clear sessions that are gone and have not been told of; beyond that the oldest are forgotten. */
const DEPARTED_SESSIONS = 1024;

/** The pools of one data plane. */
export class DataPlaneMemory {
  readonly addresses = new PiecePool(ADDRESSES_START, ADDRESS_LENGTH, ADDRESS_COUNT);
  readonly scratch = new PiecePool(SCRATCH_START, SLOT_LENGTH, SCRATCH_SLOTS);
  readonly frames = new PiecePool(FRAMES_START, SLOT_LENGTH, FRAME_SLOTS);
  readonly large = new PiecePool(LARGE_START, LARGE_LENGTH, LARGE_PIECES);
  /** A part of these for super-frames in pieces: sessions share it, who holds most makes room. */
  readonly superFrames: FrameSlots = new PoolShare(this.large, SUPER_FRAME_PIECES);
  readonly late = new PiecePool(LATE_START, SLOT_LENGTH, LATE_FRAMES);
  readonly landing = new LandingStrip();
  /** Key slots of the I/O. */
  readonly keys = new PiecePool(0, 1, KEY_SLOTS);
  readonly chunks = new PiecePool(CHUNKS_START, CHUNK_LENGTH, CHUNK_COUNT);
  /** Last reports of sessions that let octets go in the clear: none of those goes uncounted. */
  readonly departed: SessionReport[] = [];

  depart(report: SessionReport): void {
    if (this.departed.length === DEPARTED_SESSIONS) this.departed.shift();
    this.departed.push(report);
  }
}
