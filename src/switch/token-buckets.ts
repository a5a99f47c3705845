/**
 * Token buckets by number: how many frames a second something may have.
 *
 * Read first: RFC 2697, section 3, for the idea.
 *
 * Whole numbers only. One frame costs FRAME_COST credits; a bucket of rate r earns r
 * credits a millisecond, which makes r frames a second, and may save up for BURST_TIME or
 * for MIN_BURST frames, whichever is more.
 */

/** Credits per frame: with rates per second and time in milliseconds, 1000. */
const FRAME_COST = 1000;

/** A bucket holds what this many milliseconds earn (ours). */
const BURST_TIME = 100;

/** Frames that every bucket gives at once (ours): an ARP here, a DHCP there. */
const MIN_BURST = 32;

/** The greatest rate, frames a second; a full bucket then fits a 32-bit integer. */
export const MAX_BUCKET_RATE = 2_000_000;

export class TokenBuckets {
  readonly #rate: Int32Array;
  readonly #credit: Int32Array;
  readonly #last: Int32Array;

  /** @param rate of every bucket, as for setRate */
  constructor(count: number, rate = 0) {
    const checked = clamped(rate);
    this.#rate = new Int32Array(count).fill(checked);
    this.#credit = new Int32Array(count).fill(depth(checked));
    this.#last = new Int32Array(count);
  }

  /** Frames a second; 0: no limit. */
  rateOf(bucket: number): number {
    return this.#rate[bucket];
  }

  /**
   * Sets a rate in frames a second: 0 is no limit, more than MAX_BUCKET_RATE counts as that.
   * A changed rate begins with a full bucket.
   */
  setRate(bucket: number, rate: number, now: number): void {
    const checked = clamped(rate);
    if (checked === this.#rate[bucket]) return;
    this.#rate[bucket] = checked;
    this.#credit[bucket] = depth(checked);
    this.#last[bucket] = now;
  }

  /** Whether a bucket has credit for a frame, after what it has earned; one without a rate has. */
  has(bucket: number, now: number): boolean {
    const rate = this.#rate[bucket];
    if (rate === 0) return true;
    const time = now | 0;
    const elapsed = (time - this.#last[bucket]) >>> 0;
    if (elapsed > 0) {
      this.#credit[bucket] = Math.min(this.#credit[bucket] + rate * elapsed, depth(rate));
      this.#last[bucket] = time;
    }
    return this.#credit[bucket] >= FRAME_COST;
  }

  /** Pays for a frame; only after `has` has said that it can. */
  pay(bucket: number): void {
    if (this.#rate[bucket] > 0) this.#credit[bucket] -= FRAME_COST;
  }

  /** Takes one frame's credits. @returns false when there are none: drop the frame */
  take(bucket: number, now: number): boolean {
    if (!this.has(bucket, now)) return false;
    this.pay(bucket);
    return true;
  }
}

function clamped(rate: number): number {
  return Math.min(Math.max(rate | 0, 0), MAX_BUCKET_RATE);
}

function depth(rate: number): number {
  return Math.max(rate * BURST_TIME, MIN_BURST * FRAME_COST);
}
