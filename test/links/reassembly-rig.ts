/** A reassembly of super-frames with memory of its own, and words for its turns. */
import type { ExecutionContext } from 'ava';
import {
  type PartialSuperFrame,
  SuperReassembly,
  settle,
} from '../../src/links/super-reassembly.ts';
import { CheckedSlots } from './super-rig.ts';

export const SLOT_LENGTH = 0x10000;
export const SLOTS = 6;
/** Room for what comes in one turn. */
const INPUT_LENGTH = 70_000;
export const PATIENCE = 10;
export const MOST_PARTIAL = 4;

/** A reassembly, and a place for what comes in one turn. */
export class ReassemblyRig {
  readonly slots: CheckedSlots;
  readonly reassembly: SuperReassembly;
  readonly slab: Uint8Array;
  readonly #input: number;
  #fill: number;

  constructor(t: ExecutionContext, count = SLOTS, slotLength = SLOT_LENGTH) {
    this.slots = new CheckedSlots(t, count, slotLength);
    this.reassembly = new SuperReassembly(this.slots);
    this.#input = this.#fill = count * slotLength;
    this.slab = new Uint8Array(this.#input + INPUT_LENGTH).fill(0xee);
  }

  /** Hands over one piece, which stays where it is until `endTurn`. */
  accept(bytes: Uint8Array, now = 0): PartialSuperFrame | undefined {
    const at = this.#fill;
    this.slab.set(bytes, at);
    this.#fill += bytes.length;
    return this.reassembly.accept(this.slab, at, bytes.length, now);
  }

  /** Nothing that came in this turn is there any more. */
  endTurn(): void {
    this.reassembly.settle(this.slab);
    this.slab.fill(0xdd, this.#input, this.#fill);
    this.#fill = this.#input;
  }

  /** Takes out a whole frame, as its octets, and gives its memory back. */
  take(frame: PartialSuperFrame): Uint8Array {
    this.reassembly.take(frame);
    return this.read(frame);
  }

  /** The octets of a frame that was taken out; its memory goes back. */
  read(frame: PartialSuperFrame): Uint8Array {
    settle(this.slab, frame);
    const bytes = this.slab.slice(frame.slot, frame.slot + frame.total);
    this.reassembly.release(frame);
    return bytes;
  }
}

export const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
