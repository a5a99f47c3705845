/**
 * The Filtering Database: which port an address was last seen on.
 *
 * Read first: IEEE 802.1D-2004, 7.8 (learning) and 7.9 (the database); IEEE
 * 802.1Q-2018, 8.8 (one database per VLAN: the VID is part of the key).
 *
 * Open addressing with linear probing and backward-shift deletion, so there are
 * no tombstones and a flood of addresses leaves nothing behind. A slot is four
 * 32-bit words, one quarter of a cache line:
 *
 *    word 0                word 1                 word 2               word 3
 *   +--------------------+------+--------+------+-----+---------+-----+-----------+
 *   |  MAC, high 32      |  0   | VID 12 | low16| … HS|   port 16     | last seen |
 *   +--------------------+------+--------+------+-----+---------+-----+-----------+
 *
 * Word 2 is 0 in a vacant slot. S marks a static entry, H one of those that was heard
 * on its port. Times are milliseconds modulo 2^32 and only their differences count.
 *
 * Learning is bounded three ways: three quarters of the slots, a limit per port,
 * and a least time on a port before an address may move. What is refused is
 * counted, and the frame is forwarded all the same. An entry dies in the first
 * sweep (`age`, `collect`) after its ageing time; `lookup` does not look at the time.
 *
 * Somebody may watch entries come and go (`watch`). A frame of an address that is known
 * costs no more for it.
 */
import {
  checkedAgeingTime,
  checkedCapacity,
  checkedCollectionInterval,
  checkedPersistence,
  checkedPortLimit,
  DEFAULT_AGEING_TIME,
  DEFAULT_CAPACITY,
  DEFAULT_COLLECTION_INTERVAL,
  DEFAULT_MIN_PERSISTENCE,
  DEFAULT_PORT_LIMIT,
  type FilteringDatabaseOptions,
} from './filtering-parameters.ts';
import { formatParts } from './mac-address.ts';
import { PORT_TABLE_LENGTH } from './port.ts';

export type { FilteringDatabaseOptions };

const STRIDE_SHIFT = 2;
const LOW = 1;
const PORT = 2;
const SEEN = 3;
const PORT_MASK = 0xffff;
const STATIC_BIT = 0x10000;
const HEARD_BIT = 0x20000;
const VID_SHIFT = 16;

/** What `learn` did. */
export const Learned = {
  /** It was known on that port; its age is 0 again. */
  refreshed: 0,
  /** A new address, or a static one that is heard on its port for the first time. */
  added: 1,
  /** A known address on another port. */
  moved: 2,
  /** It has not been long enough on its port to move. */
  moveRefused: 3,
  /** The port holds as many addresses as it may. */
  portFull: 4,
  /** The database is as full as it may be. */
  tableFull: 5,
  /** A static entry of another port, which learning never changes. */
  fixed: 6,
} as const;
export type Learned = (typeof Learned)[keyof typeof Learned];

/** One entry, for people. */
export interface FilteringEntry {
  readonly mac: string;
  readonly vlan: number;
  readonly port: number;
  /** Milliseconds since the address was last seen; 0 for static entries. */
  readonly ageMs: number;
  readonly static: boolean;
}

/** Hears of an entry that is new (`there`) or gone. Must not throw, nor change the database. */
export type AddressWatcher = (
  there: boolean,
  macHigh: number,
  macLow16: number,
  vid: number,
  port: number,
) => void;

/** Slots that one call of `collect` looks at at most (ours): well under a millisecond. */
const MOST_COLLECTED = 65_536;

export class FilteringDatabase {
  #slots: Int32Array;
  /** When an address came to its port; beside the slots, because only a move reads it. */
  #since: Int32Array;
  #mask: number;
  #limit: number;
  #size = 0;
  #staticSize = 0;
  #cursor = 0;
  #ageingTime: number;
  #minPersistence: number;
  #portLimit: number;
  #collectionInterval: number;
  /** Up to when `collect` has done its work. */
  #collectedAt = Number.NaN;
  #watcher: AddressWatcher | undefined;
  readonly #seed: number;
  /** Dynamic entries by port. */
  readonly #portSize = new Int32Array(PORT_TABLE_LENGTH);

  /** Moves refused since the start because the address was too fresh on its port. */
  movesRefused = 0;
  /** Addresses refused since the start because their port was full. */
  portRefused = 0;
  /** Addresses refused since the start because the database was full. */
  tableRefused = 0;

  constructor(options: FilteringDatabaseOptions = {}) {
    this.#seed = (options.seed ?? 0) | 0;
    this.#ageingTime = checkedAgeingTime(options.ageingTime ?? DEFAULT_AGEING_TIME);
    this.#minPersistence = checkedPersistence(options.minPersistence ?? DEFAULT_MIN_PERSISTENCE);
    this.#portLimit = checkedPortLimit(options.portLimit ?? DEFAULT_PORT_LIMIT);
    this.#collectionInterval = checkedCollectionInterval(
      options.collectionInterval ?? DEFAULT_COLLECTION_INTERVAL,
    );
    const capacity = checkedCapacity(options.capacity ?? DEFAULT_CAPACITY);
    this.#slots = new Int32Array(capacity << STRIDE_SHIFT);
    this.#since = new Int32Array(capacity);
    this.#mask = capacity - 1;
    this.#limit = (capacity * 3) >>> 2;
  }

  /** The random bits of the hash, for tables beside this one. */
  get seed(): number {
    return this.#seed;
  }

  /** Entries, static ones among them. */
  get size(): number {
    return this.#size;
  }

  /** Slots. */
  get capacity(): number {
    return this.#mask + 1;
  }

  /** Entries that fit. */
  get limit(): number {
    return this.#limit;
  }

  /** Milliseconds. Setting it checks the range (RangeError); entries age by it from then on. */
  get ageingTime(): number {
    return this.#ageingTime;
  }
  set ageingTime(milliseconds: number) {
    this.#ageingTime = checkedAgeingTime(milliseconds);
  }

  /** Milliseconds. Setting it checks the range (RangeError). */
  get minPersistence(): number {
    return this.#minPersistence;
  }
  set minPersistence(milliseconds: number) {
    this.#minPersistence = checkedPersistence(milliseconds);
  }

  /** Dynamic addresses per port. A lower limit removes none that are there. */
  get portLimit(): number {
    return this.#portLimit;
  }
  set portLimit(addresses: number) {
    this.#portLimit = checkedPortLimit(addresses);
  }

  /** Milliseconds of one round of `collect`. Setting it checks the range (RangeError). */
  get collectionInterval(): number {
    return this.#collectionInterval;
  }
  set collectionInterval(milliseconds: number) {
    this.#collectionInterval = checkedCollectionInterval(milliseconds);
  }

  /** Tells `watcher` of every entry that comes or goes from now on; without one, nobody. */
  watch(watcher: AddressWatcher | undefined): void {
    this.#watcher = watcher;
  }

  /** Dynamic entries on one port. */
  portSize(port: number): number {
    return this.#portSize[port];
  }

  /**
   * The source of a frame that came in on `port` (1 … MAX_PORT) in `vid` (0 … 4095).
   * The caller has dropped group addresses already.
   */
  learn(macHigh: number, macLow16: number, vid: number, port: number, now: number): Learned {
    const high = macHigh | 0;
    const low = (vid << VID_SHIFT) | macLow16;
    const slots = this.#slots;
    const found = this.#find(high, low);
    if (found >= 0) {
      const word = found << STRIDE_SHIFT;
      const held = slots[word + PORT];
      if (held === port) {
        slots[word + SEEN] = now;
        return Learned.refreshed;
      }
      if (held & STATIC_BIT) {
        if ((held & PORT_MASK) !== port) return Learned.fixed;
        if (held & HEARD_BIT) return Learned.refreshed;
        slots[word + PORT] = held | HEARD_BIT;
        return Learned.added;
      }
      return this.#move(found, held, port, now);
    }
    if (this.#portSize[port] >= this.#portLimit) {
      this.portRefused++;
      return Learned.portFull;
    }
    if (this.#size >= this.#limit) {
      this.tableRefused++;
      return Learned.tableFull;
    }
    this.#insert(~found, high, low, port, now);
    this.#portSize[port]++;
    this.#watcher?.(true, high, macLow16, vid, port);
    return Learned.added;
  }

  /** @returns the port of an address in a VLAN, or 0 (NO_PORT) when it is unknown */
  lookup(macHigh: number, macLow16: number, vid: number): number {
    const found = this.#find(macHigh | 0, (vid << VID_SHIFT) | macLow16);
    return found < 0 ? 0 : this.#slots[(found << STRIDE_SHIFT) + PORT] & PORT_MASK;
  }

  /**
   * Sets a static entry, which never ages, moves or counts towards the port's
   * limit; a dynamic one of that address becomes static. In a full database a
   * dynamic entry makes room.
   * @returns false when the database is full of static ones
   */
  addStatic(macHigh: number, macLow16: number, vid: number, port: number, now: number): boolean {
    const high = macHigh | 0;
    const low = (vid << VID_SHIFT) | macLow16;
    const found = this.#find(high, low);
    if (found >= 0) {
      const word = (found << STRIDE_SHIFT) + PORT;
      const held = this.#slots[word];
      if ((held & STATIC_BIT) === 0) {
        this.#portSize[held & PORT_MASK]--;
        this.#staticSize++;
      }
      this.#slots[word] = port | STATIC_BIT;
      return true;
    }
    if (this.#size >= this.#limit && !this.#evict()) return false;
    // What made room may have been in the way: the place is looked up again.
    this.#insert(~this.#find(high, low), high, low, port | STATIC_BIT, now);
    this.#staticSize++;
    this.#watcher?.(true, high, macLow16, vid, port);
    return true;
  }

  /** Removes an entry if it is static. @returns whether it was there */
  removeStatic(macHigh: number, macLow16: number, vid: number): boolean {
    const found = this.#find(macHigh | 0, (vid << VID_SHIFT) | macLow16);
    if (found < 0) return false;
    if ((this.#slots[(found << STRIDE_SHIFT) + PORT] & STATIC_BIT) === 0) return false;
    this.#delete(found);
    return true;
  }

  /** Removes one entry, static or not. @returns whether it was there */
  remove(macHigh: number, macLow16: number, vid: number): boolean {
    const found = this.#find(macHigh | 0, (vid << VID_SHIFT) | macLow16);
    if (found < 0) return false;
    this.#delete(found);
    return true;
  }

  /**
   * Forgets the dynamic addresses of a port (a topology change), and with
   * `includeStatic` all of them (the port is gone). Static ones that stay count as not
   * heard yet. @returns how many
   */
  flushPort(port: number, includeStatic = false): number {
    if (this.#portSize[port] === 0 && this.#staticSize === 0) return 0;
    return this.#flush(port, includeStatic);
  }

  /** Calls `visit` with each dynamic address of a port; nothing may change meanwhile. */
  forEachOn(port: number, visit: (macHigh: number, macLow16: number, vid: number) => void): void {
    if (this.#portSize[port] === 0) return;
    for (let index = 0; index <= this.#mask; index++) {
      const word = index << STRIDE_SHIFT;
      if (this.#slots[word + PORT] !== port) continue;
      const low = this.#slots[word + LOW];
      visit(this.#slots[word], low & 0xffff, low >>> VID_SHIFT);
    }
  }

  /**
   * Forgets the dynamic addresses of a port that were last seen before `since`, milliseconds.
   * @returns how many
   */
  flushUnseen(port: number, since: number): number {
    if (this.#portSize[port] === 0) return 0;
    const slots = this.#slots;
    let removed = 0;
    for (let index = 0; index <= this.#mask; ) {
      const word = index << STRIDE_SHIFT;
      if (slots[word + PORT] === port && ((slots[word + SEEN] - (since | 0)) | 0) < 0) {
        // Another entry may have been shifted into this slot: look at it again.
        this.#delete(index);
        removed++;
      } else {
        index++;
      }
    }
    return removed;
  }

  /** Forgets all dynamic addresses, and with `includeStatic` the static ones too. @returns how many */
  flushAll(includeStatic = false): number {
    return this.#flush(0, includeStatic);
  }

  /**
   * Looks at up to `budget` slots, going on where the last call stopped, and
   * forgets what is older than the ageing time. A whole round is `capacity` slots.
   * @returns how many were forgotten
   */
  age(now: number, budget: number): number {
    const slots = this.#slots;
    const time = now | 0;
    let removed = 0;
    for (let left = budget; left > 0; left--) {
      const word = this.#cursor << STRIDE_SHIFT;
      const held = slots[word + PORT];
      if (
        held !== 0 &&
        (held & STATIC_BIT) === 0 &&
        (time - slots[word + SEEN]) >>> 0 >= this.#ageingTime
      ) {
        // Another entry may have been shifted into this slot: look at it again.
        this.#delete(this.#cursor);
        removed++;
      } else {
        this.#cursor = (this.#cursor + 1) & this.#mask;
      }
    }
    return removed;
  }

  /**
   * Ages as many slots as are due since the last call, so that a round takes the collection
   * interval; at most MOST_COLLECTED. @returns how many were forgotten
   */
  collect(now: number): number {
    if (Number.isNaN(this.#collectedAt)) this.#collectedAt = now;
    const elapsed = Math.min(Math.max(now - this.#collectedAt, 0), this.#collectionInterval);
    const due = Math.floor((this.capacity * elapsed) / this.#collectionInterval);
    // Too little for a slot counts towards the next call.
    if (due === 0) return 0;
    this.#collectedAt = now;
    return this.age(now, Math.min(due, MOST_COLLECTED));
  }

  /** One entry for people; undefined when it is not there. */
  find(macHigh: number, macLow16: number, vid: number, now: number): FilteringEntry | undefined {
    const found = this.#find(macHigh | 0, (vid << VID_SHIFT) | macLow16);
    return found < 0 ? undefined : this.#describe(found, now);
  }

  /** All entries for people, in no order that means anything. Not for the hot path. */
  snapshot(now: number): FilteringEntry[] {
    const entries: FilteringEntry[] = [];
    for (let index = 0; index <= this.#mask; index++) {
      if (this.#slots[(index << STRIDE_SHIFT) + PORT] !== 0) {
        entries.push(this.#describe(index, now));
      }
    }
    return entries;
  }

  /**
   * Changes the number of slots (see `capacity` of the options) and keeps the entries.
   * @returns false, with nothing changed, when they would not fit
   */
  resize(capacity: number): boolean {
    const checked = checkedCapacity(capacity);
    const limit = (checked * 3) >>> 2;
    if (this.#size > limit) return false;
    const slots = this.#slots;
    const since = this.#since;
    this.#slots = new Int32Array(checked << STRIDE_SHIFT);
    this.#since = new Int32Array(checked);
    this.#mask = checked - 1;
    this.#limit = limit;
    this.#size = 0;
    this.#cursor = 0;
    for (let index = 0; index < since.length; index++) {
      const word = index << STRIDE_SHIFT;
      if (slots[word + PORT] === 0) continue;
      const vacant = ~this.#find(slots[word], slots[word + LOW]);
      this.#insert(vacant, slots[word], slots[word + LOW], slots[word + PORT], slots[word + SEEN]);
      this.#since[vacant] = since[index];
    }
    return true;
  }

  /** The slot of a key, or the complement of the vacant slot where it belongs. */
  #find(high: number, low: number): number {
    const slots = this.#slots;
    const mask = this.#mask;
    let index = mix(high, low, this.#seed) & mask;
    for (;;) {
      const word = index << STRIDE_SHIFT;
      if (slots[word + PORT] === 0) return ~index;
      if (slots[word] === high && slots[word + LOW] === low) return index;
      index = (index + 1) & mask;
    }
  }

  #insert(index: number, high: number, low: number, held: number, now: number): void {
    const slots = this.#slots;
    const word = index << STRIDE_SHIFT;
    slots[word] = high;
    slots[word + LOW] = low;
    slots[word + PORT] = held;
    slots[word + SEEN] = now;
    this.#since[index] = now;
    this.#size++;
  }

  #move(index: number, held: number, port: number, now: number): Learned {
    if (((now | 0) - this.#since[index]) >>> 0 < this.#minPersistence) {
      this.movesRefused++;
      return Learned.moveRefused;
    }
    if (this.#portSize[port] >= this.#portLimit) {
      this.portRefused++;
      return Learned.portFull;
    }
    const word = index << STRIDE_SHIFT;
    this.#slots[word + PORT] = port;
    this.#slots[word + SEEN] = now;
    this.#since[index] = now;
    this.#portSize[held]--;
    this.#portSize[port]++;
    return Learned.moved;
  }

  /** Forgets the dynamic entry that a sweep would meet next. @returns false when there is none */
  #evict(): boolean {
    for (let i = 0; i <= this.#mask; i++) {
      const index = (this.#cursor + i) & this.#mask;
      const held = this.#slots[(index << STRIDE_SHIFT) + PORT];
      if (held === 0 || (held & STATIC_BIT) !== 0) continue;
      this.#delete(index);
      return true;
    }
    return false;
  }

  /** Frees a slot and closes the gap, so that every chain stays unbroken. */
  #delete(index: number): void {
    const slots = this.#slots;
    const mask = this.#mask;
    const held = slots[(index << STRIDE_SHIFT) + PORT];
    if (this.#watcher !== undefined) {
      const low = slots[(index << STRIDE_SHIFT) + LOW];
      const port = held & PORT_MASK;
      this.#watcher(false, slots[index << STRIDE_SHIFT], low & 0xffff, low >>> VID_SHIFT, port);
    }
    if ((held & STATIC_BIT) === 0) this.#portSize[held]--;
    else this.#staticSize--;
    this.#size--;
    let gap = index;
    let next = gap;
    for (;;) {
      next = (next + 1) & mask;
      const from = next << STRIDE_SHIFT;
      if (slots[from + PORT] === 0) break;
      const home = mix(slots[from], slots[from + LOW], this.#seed) & mask;
      // It may move to the gap only if the gap is not in front of its home slot.
      if (((next - home) & mask) < ((next - gap) & mask)) continue;
      const to = gap << STRIDE_SHIFT;
      slots[to] = slots[from];
      slots[to + LOW] = slots[from + LOW];
      slots[to + PORT] = slots[from + PORT];
      slots[to + SEEN] = slots[from + SEEN];
      this.#since[gap] = this.#since[next];
      gap = next;
    }
    slots[(gap << STRIDE_SHIFT) + PORT] = 0;
  }

  /** `port` 0 stands for all ports. */
  #flush(port: number, includeStatic: boolean): number {
    let removed = 0;
    for (let index = 0; index <= this.#mask; ) {
      const held = this.#slots[(index << STRIDE_SHIFT) + PORT];
      const matches = held !== 0 && (port === 0 || (held & PORT_MASK) === port);
      if (matches && (includeStatic || (held & STATIC_BIT) === 0)) {
        // Another entry may have been shifted into this slot: look at it again.
        this.#delete(index);
        removed++;
      } else {
        if (matches) this.#slots[(index << STRIDE_SHIFT) + PORT] = held & ~HEARD_BIT;
        index++;
      }
    }
    return removed;
  }

  #describe(index: number, now: number): FilteringEntry {
    const word = index << STRIDE_SHIFT;
    const low = this.#slots[word + LOW];
    const held = this.#slots[word + PORT];
    const fixed = (held & STATIC_BIT) !== 0;
    return {
      mac: formatParts(this.#slots[word], low & 0xffff),
      vlan: low >>> VID_SHIFT,
      port: held & PORT_MASK,
      ageMs: fixed ? 0 : ((now | 0) - this.#slots[word + SEEN]) >>> 0,
      static: fixed,
    };
  }
}

/** Two rounds of multiply and fold; every bit of the key reaches the low bits. */
function mix(high: number, low: number, seed: number): number {
  let hash = Math.imul(high ^ seed, 0x85ebca6b);
  hash ^= hash >>> 15;
  hash = Math.imul(hash ^ low, 0xc2b2ae35);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0x27d4eb2f);
  return hash ^ (hash >>> 16);
}
