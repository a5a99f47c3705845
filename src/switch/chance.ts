/**
 * Chance that can be had again: a generator of pseudo-random numbers with a seed, sfc32 of
 * Chris Doty-Humphrey's PractRand (three words and a counter, period of 2^32 at least). Not
 * for secrets.
 */

/** Numbers thrown away at first, so that near seeds give far sequences. */
const WARM_UP = 12;

export class Chance {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param seed an unsigned 32-bit number */
  constructor(seed: number) {
    this.#a = 0;
    this.#b = seed | 0;
    this.#c = ~seed;
    for (let i = 0; i < WARM_UP; i++) this.next();
  }

  /** The next number, from 0 to 1 without 1. */
  next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return (sum >>> 0) / 0x1_0000_0000;
  }

  /** True with a probability of 0 … 1. Draws nothing where there is nothing to decide. */
  happens(probability: number): boolean {
    return probability > 0 && (probability >= 1 || this.next() < probability);
  }
}
