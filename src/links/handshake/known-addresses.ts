/**
 * Addresses that are known for a while, by a hash of 32 bits, in a table of fixed size.
 *
 * Each has two places. When both are taken, whoever would be forgotten sooner makes room;
 * who is new and would be forgotten sooner still is not taken in. Nothing allocates.
 */

export class KnownAddresses {
  readonly #mask: number;
  readonly #hashes: Int32Array;
  readonly #until: Float64Array;

  /** @param places a power of 2 */
  constructor(places: number) {
    this.#mask = places - 1;
    this.#hashes = new Int32Array(places);
    this.#until = new Float64Array(places);
  }

  /** @param hash 32 bits, signed @param now milliseconds, monotonic, not negative */
  has(hash: number, now: number): boolean {
    const place = this.#placeOf(hash);
    return place >= 0 && now < this.#until[place];
  }

  /** Knows it until then, or for longer if it was so before. */
  know(hash: number, until: number, now: number): void {
    const times = this.#until;
    const held = this.#placeOf(hash);
    if (held >= 0) {
      times[held] = Math.max(times[held], until);
      return;
    }
    const first = hash & this.#mask;
    const second = first ^ 1;
    const place = times[first] <= times[second] ? first : second;
    if (times[place] > now && times[place] > until) return;
    times[place] = until;
    this.#hashes[place] = hash;
  }

  /** Where it lies, be it over; -1 if nowhere. */
  #placeOf(hash: number): number {
    const first = hash & this.#mask;
    if (this.#hashes[first] === hash) return first;
    return this.#hashes[first ^ 1] === hash ? first ^ 1 : -1;
  }
}
