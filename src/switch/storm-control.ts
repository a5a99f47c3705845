/**
 * Storm control: how many frames a second one port may have flooded.
 *
 * Read first: RFC 2697, section 3, for the idea of a token bucket. A port has one bucket
 * for each class of frames, and one for all that it has flooded, whatever the class:
 *
 *   broadcast --> [bucket] --+
 *   multicast --> [bucket] --+--> [all] --> flood
 *   unknown   --> [bucket] --+
 *
 * Whole numbers only. One frame costs FRAME_COST credits; a bucket of rate r earns r
 * credits a millisecond, which makes r frames a second, and may save up for BURST_TIME or
 * for MIN_BURST frames, whichever is more. A frame that finds no credit in one of its two
 * buckets is dropped, and costs nothing in the other.
 */
import { PORT_TABLE_LENGTH } from './port.ts';

/** Credits per frame: with rates per second and time in milliseconds, 1000. */
const FRAME_COST = 1000;

/** A bucket holds what this many milliseconds earn (ours). */
const BURST_TIME = 100;

/** Frames that every limited port may send at once (ours): an ARP here, a DHCP there. */
const MIN_BURST = 32;

/** The greatest rate, frames a second; a full bucket then fits a 32-bit integer. */
export const MAX_STORM_RATE = 2_000_000;

/** Which bucket a flooded frame takes from, besides that for all. */
export const StormClass = {
  /** To ff:ff:ff:ff:ff:ff. */
  broadcast: 0,
  /** To any other group. */
  multicast: 1,
  /** To one station that nobody knows. */
  unknown: 2,
  /** The bucket that all of them take from; no frame is of this class alone. */
  all: 3,
} as const;
export type StormClass = (typeof StormClass)[keyof typeof StormClass];

const CLASSES = 4;

/** Limits of one port by class, frames a second; absent: none. Plain JSON. */
export interface StormLimits {
  readonly broadcast?: number;
  readonly multicast?: number;
  readonly unknown?: number;
}

export class StormControl {
  readonly #rate = new Int32Array(PORT_TABLE_LENGTH * CLASSES);
  readonly #credit = new Int32Array(PORT_TABLE_LENGTH * CLASSES);
  readonly #last = new Int32Array(PORT_TABLE_LENGTH * CLASSES);
  /** How many classes of a port are limited: with none, there is nothing to look at. */
  readonly #limited = new Uint8Array(PORT_TABLE_LENGTH);

  /**
   * Sets the rate of a class of a port, in flooded frames a second: 0 is no limit, more than
   * MAX_STORM_RATE counts as that. A changed rate begins with a full bucket.
   */
  setRate(port: number, stormClass: StormClass, rate: number, now: number): void {
    const checked = Math.min(Math.max(rate | 0, 0), MAX_STORM_RATE);
    const at = port * CLASSES + stormClass;
    const before = this.#rate[at];
    if (checked === before) return;
    this.#limited[port] += Number(checked > 0) - Number(before > 0);
    this.#rate[at] = checked;
    this.#credit[at] = depth(checked);
    this.#last[at] = now;
  }

  /** Takes one frame's credits. @returns false when there are none: drop the frame */
  take(port: number, stormClass: StormClass, now: number): boolean {
    if (this.#limited[port] === 0) return true;
    const time = now | 0;
    const own = port * CLASSES + stormClass;
    const all = port * CLASSES + StormClass.all;
    if (!this.#has(own, time) || !this.#has(all, time)) return false;
    this.#credit[own] -= FRAME_COST;
    this.#credit[all] -= FRAME_COST;
    return true;
  }

  /** Whether a bucket has credit for a frame, after what it has earned; one without a rate has. */
  #has(at: number, time: number): boolean {
    const rate = this.#rate[at];
    if (rate === 0) {
      this.#credit[at] = FRAME_COST;
      return true;
    }
    const elapsed = (time - this.#last[at]) >>> 0;
    if (elapsed > 0) {
      this.#credit[at] = Math.min(this.#credit[at] + rate * elapsed, depth(rate));
      this.#last[at] = time;
    }
    return this.#credit[at] >= FRAME_COST;
  }
}

function depth(rate: number): number {
  return Math.max(rate * BURST_TIME, MIN_BURST * FRAME_COST);
}
