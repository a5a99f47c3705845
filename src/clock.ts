/**
 * Time is an argument. Protocol machines take `now`; only drivers hold a Clock.
 *
 * All times in Kith are milliseconds on a monotonic scale whose zero means
 * nothing. They are doubles; fractions are allowed.
 */
export interface Clock {
  /** Milliseconds on a monotonic scale. */
  now(): number;
}

export const monotonicClock: Clock = {
  now: () => performance.now(),
};

/** A clock for tests that moves only when told to. */
export class ManualClock implements Clock {
  #now: number;

  constructor(start = 0) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  /** Moves time forward by `milliseconds`, which must not be negative. */
  advance(milliseconds: number): void {
    if (!(milliseconds >= 0)) throw new RangeError('time does not run backwards');
    this.#now += milliseconds;
  }
}
