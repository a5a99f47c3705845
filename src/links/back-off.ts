/**
 * How long to wait before the next attempt: exponential, with full jitter, so
 * that friends who lost one another together do not come back in step. Pure.
 */

/** Milliseconds that the first wait does not exceed; no wait is shorter than half of it. */
export const FIRST_DELAY = 250;
/** Milliseconds that no wait exceeds. */
export const LONGEST_DELAY = 15_000;

export class BackOff {
  #failures = 0;

  get failures(): number {
    return this.#failures;
  }

  /** @param random a number in [0, 1) @returns milliseconds to wait after one more failure */
  next(random: number): number {
    const ceiling = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(this.#failures, 16));
    this.#failures++;
    return FIRST_DELAY / 2 + random * (ceiling - FIRST_DELAY / 2);
  }

  succeeded(): void {
    this.#failures = 0;
  }
}
