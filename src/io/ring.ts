/**
 * A bounded ring of messages between two threads: one pushes, one drains.
 *
 * Layout of the shared memory, in octets; integers are in the order of the host:
 *
 *    0        4        8        12       16
 *    | write  | read   | drops  | zero   | data …
 *
 * `write` and `read` are positions that only grow, modulo 2^32; a position modulo
 * the capacity is a place in `data`. A message is its length as 32 bits, its
 * octets, and padding to a multiple of 4. It is never split: where it does not fit
 * before the end, WRAP stands in place of a length and it begins again at 0. Each
 * cursor is written by one side only, and published after what it covers.
 */

const WRITE = 0;
const READ = 1;
const DROPS = 2;
const HEADER_WORDS = 4;
const HEADER_LENGTH = 4 * HEADER_WORDS;
const LENGTH_OCTETS = 4;
const WRAP = -1;
const LEAST_CAPACITY = 64;
const MOST_CAPACITY = 2 ** 30;

export class SharedRing {
  /** Give it to the other thread, which makes a SharedRing of it too. */
  readonly buffer: SharedArrayBuffer;
  readonly capacity: number;
  readonly #cursors: Int32Array;
  readonly #words: Int32Array;
  readonly #octets: Uint8Array;

  /** A view of a buffer that `create` made, in this thread or another. */
  constructor(buffer: SharedArrayBuffer) {
    const capacity = buffer.byteLength - HEADER_LENGTH;
    if (!isCapacity(capacity)) throw new RangeError('this is not the buffer of a ring');
    this.buffer = buffer;
    this.capacity = capacity;
    this.#cursors = new Int32Array(buffer, 0, HEADER_WORDS);
    this.#words = new Int32Array(buffer, HEADER_LENGTH);
    this.#octets = new Uint8Array(buffer, HEADER_LENGTH);
  }

  /** @param capacity octets, a power of two from 64 to 2^30 */
  static create(capacity: number): SharedRing {
    if (!isCapacity(capacity)) throw new RangeError(`no ring of ${capacity} octets`);
    return new SharedRing(new SharedArrayBuffer(HEADER_LENGTH + capacity));
  }

  /** The largest message that can ever be pushed, so that a wrap always finds room. */
  get largestMessage(): number {
    return this.capacity / 2 - LENGTH_OCTETS;
  }

  /** Messages that did not fit, modulo 2^32. May be read by both sides. */
  get drops(): number {
    return Atomics.load(this.#cursors, DROPS) >>> 0;
  }

  /** Whether there was nothing to drain at this moment. */
  get isEmpty(): boolean {
    return Atomics.load(this.#cursors, WRITE) === Atomics.load(this.#cursors, READ);
  }

  /** Whether a message of `length` octets would fit and leave `reserve` octets. Producer only. */
  hasRoom(length: number, reserve: number): boolean {
    const used = (this.#cursors[WRITE] - Atomics.load(this.#cursors, READ)) >>> 0;
    return used + spaceFor(length) + reserve <= this.capacity;
  }

  /**
   * Appends one message made of `parts`, which are copied. Producer only.
   * @returns false when it does not fit; the message is dropped and counted
   */
  push(parts: readonly Uint8Array[]): boolean {
    let length = 0;
    for (let i = 0; i < parts.length; i++) length += parts[i].length;
    const write = this.#cursors[WRITE];
    const used = (write - Atomics.load(this.#cursors, READ)) >>> 0;
    const place = write & (this.capacity - 1);
    const needed = spaceFor(length);
    const untilEnd = this.capacity - place;
    const skipped = needed > untilEnd ? untilEnd : 0;
    if (length > this.largestMessage || skipped + needed > this.capacity - used) {
      Atomics.add(this.#cursors, DROPS, 1);
      return false;
    }
    let at = place;
    if (skipped > 0) {
      this.#words[place >> 2] = WRAP;
      at = 0;
    }
    this.#words[at >> 2] = length;
    at += LENGTH_OCTETS;
    for (let i = 0; i < parts.length; i++) {
      this.#octets.set(parts[i], at);
      at += parts[i].length;
    }
    Atomics.store(this.#cursors, WRITE, (write + skipped + needed) | 0);
    return true;
  }

  /**
   * Hands the oldest messages to `take`, at most `most`. Consumer only. The view
   * lies in shared memory and is valid during the call; a message whose call
   * throws is gone, and the exception passes on.
   * @returns the number of messages
   */
  drain(take: (message: Uint8Array) => void, most = Number.POSITIVE_INFINITY): number {
    let taken = 0;
    let read = this.#cursors[READ];
    while (taken < most && read !== Atomics.load(this.#cursors, WRITE)) {
      let place = read & (this.capacity - 1);
      if (this.#words[place >> 2] === WRAP) {
        read = (read + this.capacity - place) | 0;
        place = 0;
      }
      const length = this.#words[place >> 2];
      const start = place + LENGTH_OCTETS;
      read = (read + spaceFor(length)) | 0;
      taken++;
      try {
        take(this.#octets.subarray(start, start + length));
      } finally {
        Atomics.store(this.#cursors, READ, read);
      }
    }
    return taken;
  }
}

function isCapacity(octets: number): boolean {
  return octets >= LEAST_CAPACITY && octets <= MOST_CAPACITY && (octets & (octets - 1)) === 0;
}

/** Octets in the ring for a message, length and padding included. */
function spaceFor(length: number): number {
  return (LENGTH_OCTETS + length + 3) & ~3;
}
