/**
 * Hands out the indices under which others' records find their session here
 * (data-plane/local-index.ts), and by that says which worker will have it.
 *
 * Whoever does not see our traffic has to guess the random bits to name a session: 22, or 19
 * where there are several workers.
 */
import { localIndex, SESSION_TABLE_LENGTH, workerOf } from '../data-plane/local-index.ts';

/** Of each worker. */
export const PLACES = SESSION_TABLE_LENGTH;

interface Places {
  readonly taken: Map<number, number>;
  next: number;
}

export class SessionIndices {
  readonly #random: (length: number) => Uint8Array;
  readonly #workers: readonly Places[];

  /** @param workers of the data plane */
  constructor(random: (length: number) => Uint8Array, workers = 1) {
    this.#random = random;
    this.#workers = Array.from({ length: workers }, () => ({ taken: new Map(), next: 0 }));
  }

  /**
   * @param shared whether the session may live in any worker, and not only in that of the ports:
   *   then it gets one of the others, that which has the fewest
   * @returns an index, or undefined when all places are taken
   */
  take(shared = false): number | undefined {
    const worker = shared ? this.#idlest() : 0;
    const places = this.#workers[worker];
    for (let i = 0; i < PLACES; i++) {
      const place = (places.next + i) % PLACES;
      if (places.taken.has(place)) continue;
      places.next = place + 1;
      const bytes = this.#random(4);
      const random = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
      const index = localIndex(random, worker, place, this.#workers.length);
      places.taken.set(place, index);
      return index;
    }
    return undefined;
  }

  give(index: number): void {
    const { taken } = this.#workers[workerOf(index, this.#workers.length)];
    const place = index & (PLACES - 1);
    if (taken.get(place) === index) taken.delete(place);
  }

  get count(): number {
    return this.#workers.reduce((sum, { taken }) => sum + taken.size, 0);
  }

  /** The worker with the fewest sessions, of those that have nothing else; the first without any. */
  #idlest(): number {
    let idlest = this.#workers.length > 1 ? 1 : 0;
    for (let worker = idlest + 1; worker < this.#workers.length; worker++) {
      if (this.#workers[worker].taken.size < this.#workers[idlest].taken.size) idlest = worker;
    }
    return idlest;
  }
}
