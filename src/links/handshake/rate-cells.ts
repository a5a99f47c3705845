/**
 * Token buckets, many of a kind, in one array: each lets through so many at once and so
 * many in a second.
 *
 * Read first: ITU-T I.371, annex A (the generic cell rate algorithm, virtual scheduling).
 * A cell holds the time at which its bucket will be full again, instead of tokens and the
 * time at which they were counted; the two say the same:
 *
 *     tokens(now) = burst - max(due - now, 0) / interval
 */

const SECOND = 1000;

export class RateCells {
  readonly #due: Float64Array;
  /** Milliseconds in which a token comes back. */
  readonly #interval: number;
  /** Milliseconds of `due - now` beyond which less than one token is left. */
  readonly #tolerance: number;

  /** All buckets are full. @param rate tokens a second  @param burst tokens of a full bucket, at least 1 */
  constructor(cells: number, rate: number, burst: number) {
    this.#due = new Float64Array(cells); // pages of cells that nobody uses cost nothing
    this.#interval = SECOND / rate;
    this.#tolerance = (burst - 1) * this.#interval;
  }

  /** Takes a token of a cell if there is one. @param now milliseconds, monotonic, not negative */
  take(cell: number, now: number): boolean {
    const due = Math.max(this.#due[cell], now);
    if (due - now > this.#tolerance) return false;
    this.#due[cell] = due + this.#interval;
    return true;
  }
}
