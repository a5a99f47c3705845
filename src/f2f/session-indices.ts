/**
 * Hands out the indices under which others' records find their session here.
 *
 *   31                             10 9                 0
 *   |  random: hard to guess         | place in a table |
 *
 * Whoever does not see our traffic has to guess 22 bits to name a session.
 */
const PLACE_BITS = 10;
export const PLACES = 1 << PLACE_BITS;

export class SessionIndices {
  readonly #random: (length: number) => Uint8Array;
  readonly #taken = new Map<number, number>();
  #next = 0;

  constructor(random: (length: number) => Uint8Array) {
    this.#random = random;
  }

  /** @returns an index, or undefined when all places are taken */
  take(): number | undefined {
    for (let i = 0; i < PLACES; i++) {
      const place = (this.#next + i) % PLACES;
      if (this.#taken.has(place)) continue;
      this.#next = place + 1;
      const bytes = this.#random(4);
      const high = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
      const index = ((high & ~(PLACES - 1)) | place) >>> 0;
      this.#taken.set(place, index);
      return index;
    }
    return undefined;
  }

  give(index: number): void {
    const place = index & (PLACES - 1);
    if (this.#taken.get(place) === index) this.#taken.delete(place);
  }

  get count(): number {
    return this.#taken.size;
  }
}
