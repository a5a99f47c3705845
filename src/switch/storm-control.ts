/**
 * Storm control: how many frames a second one port may have flooded.
 *
 * A token bucket per port, in whole numbers. One frame costs FRAME_COST credits; a
 * port of rate r earns r credits a millisecond, which makes r frames a second,
 * and may save up for BURST_TIME or for MIN_BURST frames, whichever is more.
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

export class StormControl {
  readonly #rate = new Int32Array(PORT_TABLE_LENGTH);
  readonly #credit = new Int32Array(PORT_TABLE_LENGTH);
  readonly #last = new Int32Array(PORT_TABLE_LENGTH);

  /**
   * Sets the rate of a port, in flooded frames a second: 0 is no limit, more than
   * MAX_STORM_RATE counts as that. A changed rate begins with a full bucket.
   */
  setRate(port: number, rate: number, now: number): void {
    const checked = Math.min(Math.max(rate | 0, 0), MAX_STORM_RATE);
    if (checked === this.#rate[port]) return;
    this.#rate[port] = checked;
    this.#credit[port] = depth(checked);
    this.#last[port] = now;
  }

  /** Takes one frame's credits. @returns false when there are none: drop the frame */
  take(port: number, now: number): boolean {
    const rate = this.#rate[port];
    if (rate === 0) return true;
    const time = now | 0;
    const elapsed = (time - this.#last[port]) >>> 0;
    if (elapsed > 0) {
      const earned = rate * elapsed;
      this.#credit[port] = Math.min(this.#credit[port] + earned, depth(rate));
      this.#last[port] = time;
    }
    if (this.#credit[port] < FRAME_COST) return false;
    this.#credit[port] -= FRAME_COST;
    return true;
  }
}

function depth(rate: number): number {
  return Math.max(rate * BURST_TIME, MIN_BURST * FRAME_COST);
}
