/**
 * The Filtering Database: which port an address was last seen on.
 *
 * Read first: IEEE 802.1D-2004, 7.8 (learning) and 7.9 (the database); IEEE
 * 802.1Q-2018, 8.8 (one database per VLAN: the VID is part of the key).
 *
 * Here are its rules; address-table.ts has its memory.
 *
 * Learning is bounded three ways: three quarters of the slots, a limit per port,
 * and a least time on a port before an address may move. What is refused is
 * counted, and the frame is forwarded all the same. An entry dies in the first
 * sweep (`age`, `collect`) after its ageing time; `lookup` does not look at the time.
 *
 * Somebody may watch entries come and go (`watch`). A frame of an address that is known
 * costs no more for it.
 */
import { AddressTable, HEARD_BIT, STATIC_BIT } from './address-table.ts';
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
  type FilteringParameters,
} from './filtering-parameters.ts';
import { formatParts } from './mac-address.ts';

export type { FilteringDatabaseOptions };

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

/** Slots that one call of `collect` looks at at most (ours): well under a millisecond. */
const MOST_COLLECTED = 65_536;

export class FilteringDatabase extends AddressTable {
  #ageingTime = DEFAULT_AGEING_TIME;
  #minPersistence = DEFAULT_MIN_PERSISTENCE;
  #portLimit = DEFAULT_PORT_LIMIT;
  #collectionInterval = DEFAULT_COLLECTION_INTERVAL;
  /** Up to when `collect` has done its work. */
  #collectedAt = Number.NaN;

  /** Moves refused since the start because the address was too fresh on its port. */
  movesRefused = 0;
  /** Addresses refused since the start because their port was full. */
  portRefused = 0;
  /** Addresses refused since the start because the database was full. */
  tableRefused = 0;

  /** RangeError for what is out of range. */
  constructor({ seed = 0, ...parameters }: FilteringDatabaseOptions = {}) {
    super(parameters.capacity ?? DEFAULT_CAPACITY, seed);
    this.configure(parameters);
  }

  /** Milliseconds. */
  get ageingTime(): number {
    return this.#ageingTime;
  }

  /**
   * Changes what is named; what is absent stays, and so does the capacity when the entries
   * would not fit. A lower limit of a port removes none that are there. RangeError for what is
   * out of range.
   */
  configure(parameters: FilteringParameters): void {
    this.#ageingTime = checkedAgeingTime(parameters.ageingTime ?? this.#ageingTime);
    this.#minPersistence = checkedPersistence(parameters.minPersistence ?? this.#minPersistence);
    this.#portLimit = checkedPortLimit(parameters.portLimit ?? this.#portLimit);
    this.#collectionInterval = checkedCollectionInterval(
      parameters.collectionInterval ?? this.#collectionInterval,
    );
    const capacity = checkedCapacity(parameters.capacity ?? this.capacity);
    if (capacity !== this.capacity) this.resize(capacity);
  }

  /**
   * The source of a frame that came in on `port` (1 … MAX_PORT) in `vid` (0 … 4095).
   * The caller has dropped group addresses already.
   */
  learn(macHigh: number, macLow16: number, vid: number, port: number, now: number): Learned {
    const found = this.seek(macHigh, macLow16, vid);
    if (found < 0) return this.#learnNew(~found, macHigh, macLow16, vid, port, now);
    return this.see(found, port, now) ? Learned.refreshed : this.#learnOther(found, port, now);
  }

  #learnNew(
    vacant: number,
    macHigh: number,
    macLow16: number,
    vid: number,
    port: number,
    now: number,
  ): Learned {
    if (this.#isFull(port)) return Learned.portFull;
    if (this.size >= this.limit) {
      this.tableRefused++;
      return Learned.tableFull;
    }
    this.insert(vacant, macHigh, macLow16, vid, port, now);
    return Learned.added;
  }

  /** An entry that is known, but static or on another port. */
  #learnOther(index: number, port: number, now: number): Learned {
    const holder = this.holderAt(index);
    if (holder & STATIC_BIT) {
      if (this.portAt(index) !== port) return Learned.fixed;
      if (holder & HEARD_BIT) return Learned.refreshed;
      this.setHolder(index, holder | HEARD_BIT);
      return Learned.added;
    }
    if (this.stayAt(index, now) < this.#minPersistence) {
      this.movesRefused++;
      return Learned.moveRefused;
    }
    if (this.#isFull(port)) return Learned.portFull;
    this.move(index, port, now);
    return Learned.moved;
  }

  #isFull(port: number): boolean {
    if (this.portSize(port) < this.#portLimit) return false;
    this.portRefused++;
    return true;
  }

  /** @returns the port of an address in a VLAN, or 0 (NO_PORT) when it is unknown */
  lookup(macHigh: number, macLow16: number, vid: number): number {
    const found = this.seek(macHigh, macLow16, vid);
    return found < 0 ? 0 : this.portAt(found);
  }

  /**
   * Sets a static entry, which never ages, moves or counts towards the port's
   * limit; a dynamic one of that address becomes static. In a full database a
   * dynamic entry makes room.
   * @returns false when the database is full of static ones
   */
  addStatic(macHigh: number, macLow16: number, vid: number, port: number, now: number): boolean {
    const found = this.seek(macHigh, macLow16, vid);
    if (found >= 0) {
      this.setHolder(found, port | STATIC_BIT);
      return true;
    }
    if (this.size >= this.limit && !this.evict()) return false;
    // What made room may have been in the way: the place is looked up again.
    const vacant = ~this.seek(macHigh, macLow16, vid);
    this.insert(vacant, macHigh, macLow16, vid, port | STATIC_BIT, now);
    return true;
  }

  /** Removes an entry if it is static. @returns whether it was there */
  removeStatic(macHigh: number, macLow16: number, vid: number): boolean {
    const found = this.seek(macHigh, macLow16, vid);
    if (found < 0 || (this.holderAt(found) & STATIC_BIT) === 0) return false;
    this.delete(found);
    return true;
  }

  /** Removes one entry, static or not. @returns whether it was there */
  remove(macHigh: number, macLow16: number, vid: number): boolean {
    const found = this.seek(macHigh, macLow16, vid);
    if (found < 0) return false;
    this.delete(found);
    return true;
  }

  /**
   * Looks at up to `budget` slots, going on where the last call stopped, and
   * forgets what is older than the ageing time. A whole round is `capacity` slots.
   * @returns how many were forgotten
   */
  age(now: number, budget: number): number {
    return this.sweep(now, this.#ageingTime, budget);
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
    const found = this.seek(macHigh, macLow16, vid);
    return found < 0 ? undefined : this.#describe(found, now);
  }

  /** All entries for people, in no order that means anything. Not for the hot path. */
  snapshot(now: number): FilteringEntry[] {
    const entries: FilteringEntry[] = [];
    for (let index = 0; index < this.capacity; index++) {
      if (this.holderAt(index) !== 0) entries.push(this.#describe(index, now));
    }
    return entries;
  }

  #describe(index: number, now: number): FilteringEntry {
    const holder = this.holderAt(index);
    const fixed = (holder & STATIC_BIT) !== 0;
    return {
      mac: formatParts(this.highAt(index), this.low16At(index)),
      vlan: this.vidAt(index),
      port: this.portAt(index),
      ageMs: fixed ? 0 : this.ageAt(index, now),
      static: fixed,
    };
  }
}
