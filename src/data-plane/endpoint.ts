/**
 * A descriptor that carries bare frames: a VDE client's socket or a TAP.
 *
 * When the system will not take a frame (the client does not read), up to
 * BACKLOG_FRAMES wait in a ring, in order; then the tail is dropped and counted.
 * Other endpoints never notice. This is the light buffering of the F2F thesis,
 * section 4.5.1.
 */
import { type DataPlaneMemory, RESERVED_FRAME_SLOTS } from './memory.ts';

/** Frames that may wait for one endpoint. A power of two. */
export const BACKLOG_FRAMES = 512;
const MASK = BACKLOG_FRAMES - 1;
/** Frames that may wait for each when memory runs short. */
const FAIR_SHARE = 16;

export class Endpoint {
  readonly descriptor: number;
  readonly port: number;
  /** It takes super-frames. */
  readonly tap: boolean;
  /** It has taken nothing for a while: nobody is held back for it (flow-control.ts). */
  stalled = false;
  /** Until then it stays so, milliseconds, though it may take a frame now and then. */
  stalledUntil = 0;
  // Made when first needed: most endpoints never fall behind.
  #offsets: Int32Array | undefined;
  #lengths: Int32Array | undefined;
  #head = 0;
  #count = 0;

  constructor(descriptor: number, port: number, tap = false) {
    this.descriptor = descriptor;
    this.port = port;
    this.tap = tap;
  }

  /** Frames that wait. */
  get waiting(): number {
    return this.#count;
  }

  /** Copies a frame behind those that wait. @returns false when it had to be dropped */
  queue(memory: DataPlaneMemory, slab: Uint8Array, offset: number, length: number): boolean {
    if (this.#count === BACKLOG_FRAMES || length > memory.frames.slotLength) return false;
    // A client that is paused keeps what waits for it: it must not keep everything.
    const { available } = memory.frames;
    if (available <= RESERVED_FRAME_SLOTS) return false;
    if (available < 2 * RESERVED_FRAME_SLOTS && this.#count >= FAIR_SHARE) return false;
    const slot = memory.frames.take();
    if (slot < 0) return false;
    slab.copyWithin(slot, offset, offset + length);
    this.#offsets ??= new Int32Array(BACKLOG_FRAMES);
    this.#lengths ??= new Int32Array(BACKLOG_FRAMES);
    const at = (this.#head + this.#count) & MASK;
    this.#offsets[at] = slot;
    this.#lengths[at] = length;
    this.#count++;
    return true;
  }

  /** Slab offset of the frame at `index` from the front. */
  offsetAt(index: number): number {
    return this.#offsets === undefined ? -1 : this.#offsets[(this.#head + index) & MASK];
  }

  lengthAt(index: number): number {
    return this.#lengths === undefined ? 0 : this.#lengths[(this.#head + index) & MASK];
  }

  /** Forgets the first `count` frames, which are sent. */
  drop(memory: DataPlaneMemory, count: number): void {
    for (let i = 0; i < count && this.#count > 0; i++) {
      memory.frames.give(this.offsetAt(0));
      this.#head = (this.#head + 1) & MASK;
      this.#count--;
    }
  }

  destroy(memory: DataPlaneMemory): void {
    this.drop(memory, this.#count);
  }
}
