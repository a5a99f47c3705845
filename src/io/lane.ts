/**
 * A lane: messages from one thread to one other, many at a time and without a copy of its own.
 *
 *   producer   reserve, fill in place … publish         (once a batch)
 *   consumer   next, take from its place … release      (once a batch)
 *
 * Layout of the shared memory, in octets; integers are in the order of the host. Each side's
 * cursor has a cache line to itself, so that writing one does not take the other away:
 *
 *    0        4            64       68                128
 *    | write  | drops …    | read   | …               | data …
 *
 * Cursors only grow, modulo 2^32; modulo the capacity they are a place in the data. A message is
 * its length as 32 bits, its octets from the next 32 bits on, and padding to a multiple of 8. It
 * is never split: where it does not fit before the end, WRAP stands in place of a length and it
 * begins again at 0. What is reserved and not published yet, the other side does not see; what is
 * taken and not released yet stays where it is.
 */

const WRITE = 0;
const DROPS = 1;
const READ = 16;
const HEADER_LENGTH = 128;
const LENGTH_OCTETS = 4;
const ALIGNMENT = 8;
const WRAP = -1;
const LEAST_CAPACITY = 64;
const MOST_CAPACITY = 2 ** 30;

export class Lane {
  /** Give it to the other thread, which makes a Lane of it too. */
  readonly buffer: SharedArrayBuffer;
  readonly capacity: number;
  /** The data: messages lie at the offsets that `reserve` and `next` tell. */
  readonly octets: Uint8Array;
  /** The same by 32 bits: every message begins at a whole one. */
  readonly words: Int32Array;
  readonly #cursors: Int32Array;
  // The producer's: how far it has reserved. The consumer's: how far it has taken. Of the other's
  // cursor each remembers what it saw last, and looks again only when that is not enough.
  #write: number;
  #read: number;
  #writeSeen: number;
  #readSeen: number;
  /** Octets of the message that `next` told last. */
  length = 0;

  /** A view of a buffer that `create` made, in this thread or another. */
  constructor(buffer: SharedArrayBuffer) {
    const capacity = buffer.byteLength - HEADER_LENGTH;
    if (!isCapacity(capacity)) throw new RangeError('this is not the buffer of a lane');
    this.buffer = buffer;
    this.capacity = capacity;
    this.octets = new Uint8Array(buffer, HEADER_LENGTH);
    this.words = new Int32Array(buffer, HEADER_LENGTH);
    this.#cursors = new Int32Array(buffer, 0, HEADER_LENGTH / Int32Array.BYTES_PER_ELEMENT);
    this.#write = this.#writeSeen = Atomics.load(this.#cursors, WRITE);
    this.#read = this.#readSeen = Atomics.load(this.#cursors, READ);
  }

  /** @param capacity octets, a power of two from 64 to 2^30 */
  static create(capacity: number): Lane {
    if (!isCapacity(capacity)) throw new RangeError(`no lane of ${capacity} octets`);
    return new Lane(new SharedArrayBuffer(HEADER_LENGTH + capacity));
  }

  /** The largest message that can ever be reserved, so that a wrap always finds room. */
  get largestMessage(): number {
    return this.capacity / 2 - ALIGNMENT;
  }

  /** Messages that found no room, modulo 2^32. May be read by both sides. */
  get drops(): number {
    return Atomics.load(this.#cursors, DROPS) >>> 0;
  }

  // ---- the producer's

  /**
   * Room for a message of `length` octets, to be filled before `publish`.
   * @param spare octets that have to be left for others
   * @returns where it begins in `octets`, a multiple of 4; -1 when there is no room, which is counted
   */
  reserve(length: number, spare: number): number {
    const write = this.#write;
    const place = write & (this.capacity - 1);
    const needed = spaceFor(length);
    const untilEnd = this.capacity - place;
    const skipped = needed > untilEnd ? untilEnd : 0;
    if (length > this.largestMessage || !this.#hasRoom(skipped + needed + spare)) {
      Atomics.add(this.#cursors, DROPS, 1);
      return -1;
    }
    if (skipped > 0) this.words[place >> 2] = WRAP;
    const at = skipped > 0 ? 0 : place;
    this.words[at >> 2] = length;
    this.#write = (write + skipped + needed) | 0;
    return at + LENGTH_OCTETS;
  }

  /** Octets that the other side has not released; when they are few, perhaps fewer. */
  get filled(): number {
    const filled = (this.#write - this.#readSeen) >>> 0;
    if (filled <= this.capacity >> 3) return filled;
    this.#readSeen = Atomics.load(this.#cursors, READ);
    return (this.#write - this.#readSeen) >>> 0;
  }

  #hasRoom(octets: number): boolean {
    if (octets <= this.capacity - ((this.#write - this.#readSeen) >>> 0)) return true;
    this.#readSeen = Atomics.load(this.#cursors, READ);
    return octets <= this.capacity - ((this.#write - this.#readSeen) >>> 0);
  }

  /** Shows the other side what was reserved. @returns whether that was anything */
  publish(): boolean {
    if (this.#write === this.#cursors[WRITE]) return false;
    Atomics.store(this.#cursors, WRITE, this.#write);
    return true;
  }

  // ---- the consumer's

  /** Whether there is nothing to take at this moment. */
  get isEmpty(): boolean {
    return Atomics.load(this.#cursors, WRITE) === this.#read;
  }

  /** Takes the oldest message; its `length` is told. @returns where it begins in `octets`, or -1 */
  next(): number {
    const read = this.#read;
    if (read === this.#writeSeen) {
      this.#writeSeen = Atomics.load(this.#cursors, WRITE);
      if (read === this.#writeSeen) return -1;
    }
    let place = read & (this.capacity - 1);
    let skipped = 0;
    if (this.words[place >> 2] === WRAP) {
      skipped = this.capacity - place;
      place = 0;
    }
    this.length = this.words[place >> 2];
    this.#read = (read + skipped + spaceFor(this.length)) | 0;
    return place + LENGTH_OCTETS;
  }

  /** Gives back the memory of all that was taken. */
  release(): void {
    if (this.#read !== this.#cursors[READ]) Atomics.store(this.#cursors, READ, this.#read);
  }
}

function isCapacity(octets: number): boolean {
  return octets >= LEAST_CAPACITY && octets <= MOST_CAPACITY && (octets & (octets - 1)) === 0;
}

/** Octets in the lane for a message, length and padding included. */
function spaceFor(length: number): number {
  return (LENGTH_OCTETS + length + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}
