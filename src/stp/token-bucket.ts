/**
 * A token bucket: so many at once, so many per second, the rest refused.
 *
 *   tokens  burst ┤▔▔╲    refills with `rate`
 *               0 ┤    ╲▁▁▁ refused while below one
 *
 * Refusing costs two multiplications and allocates nothing.
 */
export class TokenBucket {
  readonly #perMillisecond: number;
  readonly #burst: number;
  #tokens: number;
  #at = Number.NEGATIVE_INFINITY;

  /** @param rate tokens per second  @param burst tokens a full bucket holds */
  constructor(rate: number, burst: number) {
    this.#perMillisecond = rate / 1000;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /** Takes a token if there is one. @param now milliseconds; going backwards refills nothing */
  take(now: number): boolean {
    if (now > this.#at) {
      const refilled = this.#tokens + (now - this.#at) * this.#perMillisecond;
      this.#tokens = Math.min(this.#burst, refilled);
      this.#at = now;
    }
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
