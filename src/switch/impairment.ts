/**
 * Makes a good cable a bad one: frames get lost, late, doubled and out of order, and only so
 * many octets pass in a second. What wirefilter of VDE is for.
 *
 * Read first: E. N. Gilbert, "Capacity of a Burst-Noise Channel" (1960), and E. O. Elliott
 * (1963) for losses in bursts; docs/cli.md, section "A worse network".
 *
 *              begin
 *   accept ->  [good] -----> [burst] --lost?--> twice? --> queue --> rate --> delay ---> take
 *                 ^-----------+                             | full     |      jitter
 *                     end                                   v          +--> overtakes: no delay
 *                                                         lost
 *
 * A machine in virtual time: it draws its chances from a seed, and frames are numbers of the
 * caller's, who owns their memory. A frame that `accept` says will leave n times is handed out
 * n times by `take`; with `isLast` its memory is free again. Frames leave in the order of
 * their times; jitter alone never lets one overtake another. Nothing here allocates after the
 * constructor. No input kills it.
 */
import { Chance } from './chance.ts';
import { DEFAULT_QUEUE, type ImpairmentSettings } from './impairment-settings.ts';

const BITS_PER_OCTET = 8;
const MILLISECONDS = 1000;
/** No entry. */
const NONE = -1;

/** What became of frames since the start. */
export interface ImpairmentCounters {
  accepted: number;
  lost: number;
  /** Lost because the queue, or the memory for frames that wait, was full. */
  overflowed: number;
  duplicated: number;
  reordered: number;
}

export class Impairment {
  readonly settings: ImpairmentSettings;
  readonly counters: ImpairmentCounters = {
    accepted: 0,
    lost: 0,
    overflowed: 0,
    duplicated: 0,
    reordered: 0,
  };
  /** Of the frame that `take` gave last: octets, what the caller said of it, and whether it comes again. */
  length = 0;
  kind = 0;
  isLast = true;

  readonly #chance: Chance;
  // Entries, column by column; those that are free are in a list.
  readonly #frames: Int32Array;
  readonly #lengths: Int32Array;
  readonly #kinds: Uint8Array;
  readonly #times: Float64Array;
  readonly #orders: Float64Array;
  /** The entry of the same frame that leaves besides, or NONE. */
  readonly #twins: Int32Array;
  readonly #free: Int32Array;
  #freeCount: number;
  /** A binary heap of entries: the parent of i is (i - 1) / 2, and leaves no later. */
  readonly #heap: Int32Array;
  #waiting = 0;
  #order = 0;
  #inBurst = false;
  /** When the rate has dealt with all it was given. */
  #busyUntil = 0;
  /** When the last of the frames in order leaves. */
  #lastTime = 0;

  /** @param capacity frames that may wait at most */
  constructor(settings: ImpairmentSettings, capacity: number) {
    this.settings = settings;
    this.#chance = new Chance(settings.seed ?? 0);
    this.#frames = new Int32Array(capacity);
    this.#lengths = new Int32Array(capacity);
    this.#kinds = new Uint8Array(capacity);
    this.#times = new Float64Array(capacity);
    this.#orders = new Float64Array(capacity);
    this.#twins = new Int32Array(capacity).fill(NONE);
    this.#free = Int32Array.from({ length: capacity }, (_, i) => capacity - 1 - i);
    this.#freeCount = capacity;
    this.#heap = new Int32Array(capacity);
  }

  /** Frames that wait, those that leave twice counted twice. */
  get waiting(): number {
    return this.#waiting;
  }

  /** When the next frame leaves; Infinity when none waits. */
  get deadline(): number {
    return this.#waiting === 0 ? Number.POSITIVE_INFINITY : this.#times[this.#heap[0]];
  }

  /**
   * Takes a frame.
   * @param frame the caller's number for it, of 31 bits
   * @param length octets
   * @param kind a small number that comes back with it
   * @param now milliseconds, which never go back
   * @returns how many times it will leave: 0, 1 or 2
   */
  accept(frame: number, length: number, kind: number, now: number): number {
    const { counters, settings } = this;
    counters.accepted++;
    if (this.#isLost()) {
      counters.lost++;
      return 0;
    }
    const first = this.#enter(frame, length, kind, now);
    const twice = this.#chance.happens(settings.duplicate ?? 0);
    const second = twice ? this.#enter(frame, length, kind, now) : NONE;
    if (first === NONE && second === NONE) return 0;
    if (first === NONE || second === NONE) return 1;
    counters.duplicated++;
    this.#twins[first] = second;
    this.#twins[second] = first;
    return 2;
  }

  /** The next frame that is to leave by `now`, or -1. */
  take(now: number): number {
    return this.deadline <= now ? this.#pop() : NONE;
  }

  /** The next frame however long it has to wait, or -1. */
  takeAny(): number {
    return this.#waiting > 0 ? this.#pop() : NONE;
  }

  #isLost(): boolean {
    const { burst, loss = 0 } = this.settings;
    const chance = this.#chance;
    if (burst === undefined) return chance.happens(loss);
    if (chance.happens(this.#inBurst ? burst.end : burst.begin)) this.#inBurst = !this.#inBurst;
    return chance.happens(this.#inBurst ? burst.loss : loss);
  }

  /** @returns the entry of the frame, or NONE when there is no room for it */
  #enter(frame: number, length: number, kind: number, now: number): number {
    const { rate, delay = 0, jitter = 0, reorder = 0, queue = DEFAULT_QUEUE } = this.settings;
    let time = now;
    if (rate !== undefined) {
      const perMillisecond = rate / BITS_PER_OCTET / MILLISECONDS;
      const start = Math.max(now, this.#busyUntil);
      const isFull = (start - now) * perMillisecond + length > queue;
      // An idle cable takes a frame of any length.
      if (isFull && start > now) return this.#overflow();
      time = start + length / perMillisecond;
    }
    if (this.#freeCount === 0) return this.#overflow();
    if (rate !== undefined) this.#busyUntil = time;
    const chance = this.#chance;
    if (chance.happens(reorder)) {
      this.counters.reordered++;
    } else {
      const spread = jitter > 0 ? (2 * chance.next() - 1) * jitter : 0;
      time = Math.max(time + Math.max(0, delay + spread), this.#lastTime);
      this.#lastTime = time;
    }
    const entry = this.#free[--this.#freeCount];
    this.#frames[entry] = frame;
    this.#lengths[entry] = length;
    this.#kinds[entry] = kind;
    this.#times[entry] = time;
    this.#orders[entry] = this.#order++;
    this.#push(entry);
    return entry;
  }

  #overflow(): number {
    this.counters.overflowed++;
    return NONE;
  }

  // ---- the heap

  #isBefore(a: number, b: number): boolean {
    const times = this.#times;
    return times[a] < times[b] || (times[a] === times[b] && this.#orders[a] < this.#orders[b]);
  }

  #push(entry: number): void {
    const heap = this.#heap;
    let at = this.#waiting++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(entry, heap[parent])) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): number {
    const heap = this.#heap;
    const entry = heap[0];
    const last = heap[--this.#waiting];
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#waiting) break;
      if (child + 1 < this.#waiting && this.#isBefore(heap[child + 1], heap[child])) child++;
      if (!this.#isBefore(heap[child], last)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    const twin = this.#twins[entry];
    this.isLast = twin === NONE;
    if (twin !== NONE) this.#twins[twin] = this.#twins[entry] = NONE;
    this.length = this.#lengths[entry];
    this.kind = this.#kinds[entry];
    this.#free[this.#freeCount++] = entry;
    return this.#frames[entry];
  }
}
