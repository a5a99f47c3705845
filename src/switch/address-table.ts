/**
 * The entries of a Filtering Database, where they lie and how they are walked through.
 *
 * Read first: IEEE 802.1Q-2018, 8.8 (one database per VLAN: the VID is part of the key).
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
 * Word 2, the holder, is 0 in a vacant slot. S marks a static entry, H one of those that was
 * heard on its port. Times are milliseconds modulo 2^32 and only their differences count.
 *
 * What is learnt, and when it is forgotten, is for the database to say: it extends the table,
 * because it looks into one for each frame.
 */
import { checkedCapacity } from './filtering-parameters.ts';
import { PORT_TABLE_LENGTH } from './port.ts';

const STRIDE_SHIFT = 2;
const LOW = 1;
const HOLDER = 2;
const SEEN = 3;
const VID_SHIFT = 16;

/** The port in a holder. */
export const PORT_MASK = 0xffff;
/** A holder of this is static, and a dynamic one is the bare port. */
export const STATIC_BIT = 0x10000;
/** A static one that was heard on its port. */
export const HEARD_BIT = 0x20000;

/** Hears of an entry that is new (`there`) or gone. Must not throw, nor change the database. */
export type AddressWatcher = (
  there: boolean,
  macHigh: number,
  macLow16: number,
  vid: number,
  port: number,
) => void;

export class AddressTable {
  /** The random bits of the hash, for tables beside this one. */
  readonly seed: number;
  /** These two are plain fields: `seek` has to be small, to be part of the code around it. */
  protected slots: Int32Array;
  protected mask: number;
  /** When an address came to its port; beside the slots, because only a move reads it. */
  #since: Int32Array;
  #limit: number;
  #size = 0;
  #staticSize = 0;
  #cursor = 0;
  #watcher: AddressWatcher | undefined;
  /** Dynamic entries by port. */
  readonly #portSize = new Int32Array(PORT_TABLE_LENGTH);

  /** @param capacity slots, see FilteringParameters; RangeError when out of range */
  constructor(capacity: number, seed: number) {
    const slots = checkedCapacity(capacity);
    this.seed = seed | 0;
    this.slots = new Int32Array(slots << STRIDE_SHIFT);
    this.#since = new Int32Array(slots);
    this.mask = slots - 1;
    this.#limit = entriesIn(slots);
  }

  /** Entries, static ones among them. */
  get size(): number {
    return this.#size;
  }

  /** Slots. */
  get capacity(): number {
    return this.mask + 1;
  }

  /** Entries that fit. */
  get limit(): number {
    return this.#limit;
  }

  /** Dynamic entries on one port. */
  portSize(port: number): number {
    return this.#portSize[port];
  }

  /** Tells `watcher` of every entry that comes or goes from now on; without one, nobody. */
  watch(watcher: AddressWatcher | undefined): void {
    this.#watcher = watcher;
  }

  /**
   * Changes the number of slots (see FilteringParameters) and keeps the entries.
   * @returns false, with nothing changed, when they would not fit
   */
  resize(capacity: number): boolean {
    const checked = checkedCapacity(capacity);
    const limit = entriesIn(checked);
    if (this.#size > limit) return false;
    const slots = this.slots;
    const since = this.#since;
    this.slots = new Int32Array(checked << STRIDE_SHIFT);
    this.#since = new Int32Array(checked);
    this.mask = checked - 1;
    this.#limit = limit;
    this.#cursor = 0;
    for (let index = 0; index < since.length; index++) {
      const word = index << STRIDE_SHIFT;
      if (slots[word + HOLDER] === 0) continue;
      const low = slots[word + LOW];
      const vacant = ~this.seek(slots[word], low & 0xffff, low >>> VID_SHIFT);
      const entry = slots.subarray(word, word + (1 << STRIDE_SHIFT));
      this.slots.set(entry, vacant << STRIDE_SHIFT);
      this.#since[vacant] = since[index];
    }
    return true;
  }

  // ---- one entry

  /** The slot of an address in a VLAN, or the complement of the vacant slot where it belongs. */
  protected seek(macHigh: number, macLow16: number, vid: number): number {
    const high = macHigh | 0;
    const low = (vid << VID_SHIFT) | macLow16;
    const slots = this.slots;
    const mask = this.mask;
    let index = mix(high, low, this.seed) & mask;
    for (;;) {
      const word = index << STRIDE_SHIFT;
      if (slots[word + HOLDER] === 0) return ~index;
      if (slots[word] === high && slots[word + LOW] === low) return index;
      index = (index + 1) & mask;
    }
  }

  /** A dynamic entry of that port is seen. @returns false when it is none */
  protected see(index: number, port: number, now: number): boolean {
    const word = index << STRIDE_SHIFT;
    if (this.slots[word + HOLDER] !== port) return false;
    this.slots[word + SEEN] = now;
    return true;
  }

  protected portAt(index: number): number {
    return this.slots[(index << STRIDE_SHIFT) + HOLDER] & PORT_MASK;
  }

  protected holderAt(index: number): number {
    return this.slots[(index << STRIDE_SHIFT) + HOLDER];
  }

  /** Another holder of the same entry, whose port has not changed unless it becomes static. */
  protected setHolder(index: number, holder: number): void {
    const word = (index << STRIDE_SHIFT) + HOLDER;
    this.#count(this.slots[word], -1);
    this.slots[word] = holder;
    this.#count(holder, 1);
  }

  protected highAt(index: number): number {
    return this.slots[index << STRIDE_SHIFT];
  }

  protected low16At(index: number): number {
    return this.slots[(index << STRIDE_SHIFT) + LOW] & 0xffff;
  }

  protected vidAt(index: number): number {
    return this.slots[(index << STRIDE_SHIFT) + LOW] >>> VID_SHIFT;
  }

  /** Milliseconds since an entry was seen. */
  protected ageAt(index: number, now: number): number {
    return ((now | 0) - this.slots[(index << STRIDE_SHIFT) + SEEN]) >>> 0;
  }

  /** Milliseconds that an entry has been on its port. */
  protected stayAt(index: number, now: number): number {
    return ((now | 0) - this.#since[index]) >>> 0;
  }

  /** Puts a dynamic entry on another port. */
  protected move(index: number, port: number, now: number): void {
    this.setHolder(index, port);
    this.slots[(index << STRIDE_SHIFT) + SEEN] = now;
    this.#since[index] = now;
  }

  /** @param vacant where `seek` said that it belongs; the caller minds the limit */
  protected insert(
    vacant: number,
    macHigh: number,
    macLow16: number,
    vid: number,
    holder: number,
    now: number,
  ): void {
    const slots = this.slots;
    const word = vacant << STRIDE_SHIFT;
    slots[word] = macHigh;
    slots[word + LOW] = (vid << VID_SHIFT) | macLow16;
    slots[word + HOLDER] = holder;
    slots[word + SEEN] = now;
    this.#since[vacant] = now;
    this.#size++;
    this.#count(holder, 1);
    this.#watcher?.(true, slots[word], macLow16, vid, holder & PORT_MASK);
  }

  /** Frees a slot and closes the gap, so that every chain stays unbroken. */
  protected delete(index: number): void {
    const slots = this.slots;
    const mask = this.mask;
    const holder = this.holderAt(index);
    const vid = this.vidAt(index);
    this.#watcher?.(false, this.highAt(index), this.low16At(index), vid, this.portAt(index));
    this.#count(holder, -1);
    this.#size--;
    let gap = index;
    let next = gap;
    for (;;) {
      next = (next + 1) & mask;
      const from = next << STRIDE_SHIFT;
      if (slots[from + HOLDER] === 0) break;
      const home = mix(slots[from], slots[from + LOW], this.seed) & mask;
      // It may move to the gap only if the gap is not in front of its home slot.
      if (((next - home) & mask) < ((next - gap) & mask)) continue;
      const to = gap << STRIDE_SHIFT;
      slots[to] = slots[from];
      slots[to + LOW] = slots[from + LOW];
      slots[to + HOLDER] = slots[from + HOLDER];
      slots[to + SEEN] = slots[from + SEEN];
      this.#since[gap] = this.#since[next];
      gap = next;
    }
    slots[(gap << STRIDE_SHIFT) + HOLDER] = 0;
  }

  #count(holder: number, change: number): void {
    if ((holder & STATIC_BIT) === 0) this.#portSize[holder] += change;
    else this.#staticSize += change;
  }

  // ---- all entries

  /** Calls `visit` with each dynamic address of a port; nothing may change meanwhile. */
  forEachOn(port: number, visit: (macHigh: number, macLow16: number, vid: number) => void): void {
    if (this.#portSize[port] === 0) return;
    for (let index = 0; index <= this.mask; index++) {
      if (this.holderAt(index) !== port) continue;
      visit(this.highAt(index), this.low16At(index), this.vidAt(index));
    }
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

  /** Forgets all dynamic addresses, and with `includeStatic` the static ones too. @returns how many */
  flushAll(includeStatic = false): number {
    return this.#flush(0, includeStatic);
  }

  /** `port` 0 stands for all ports. */
  #flush(port: number, includeStatic: boolean): number {
    const slots = this.slots;
    let removed = 0;
    for (let index = 0; index <= this.mask; ) {
      const holder = this.holderAt(index);
      const matches = holder !== 0 && (port === 0 || (holder & PORT_MASK) === port);
      if (matches && (includeStatic || (holder & STATIC_BIT) === 0)) {
        // Another entry may have been shifted into this slot: look at it again.
        this.delete(index);
        removed++;
      } else {
        if (matches) slots[(index << STRIDE_SHIFT) + HOLDER] = holder & ~HEARD_BIT;
        index++;
      }
    }
    return removed;
  }

  /**
   * Forgets the dynamic addresses of a port that were last seen before `since`, milliseconds.
   * @returns how many
   */
  flushUnseen(port: number, since: number): number {
    if (this.#portSize[port] === 0) return 0;
    const slots = this.slots;
    let removed = 0;
    for (let index = 0; index <= this.mask; ) {
      const seen = slots[(index << STRIDE_SHIFT) + SEEN];
      if (this.holderAt(index) === port && ((seen - (since | 0)) | 0) < 0) {
        // Another entry may have been shifted into this slot: look at it again.
        this.delete(index);
        removed++;
      } else {
        index++;
      }
    }
    return removed;
  }

  /**
   * Looks at up to `budget` slots, going on where the last call stopped, and forgets the
   * dynamic entries that were not seen for `ageingTime`. @returns how many
   */
  protected sweep(now: number, ageingTime: number, budget: number): number {
    const slots = this.slots;
    const time = now | 0;
    let removed = 0;
    for (let left = budget; left > 0; left--) {
      const word = this.#cursor << STRIDE_SHIFT;
      const holder = slots[word + HOLDER];
      if (
        holder !== 0 &&
        (holder & STATIC_BIT) === 0 &&
        (time - slots[word + SEEN]) >>> 0 >= ageingTime
      ) {
        // Another entry may have been shifted into this slot: look at it again.
        this.delete(this.#cursor);
        removed++;
      } else {
        this.#cursor = (this.#cursor + 1) & this.mask;
      }
    }
    return removed;
  }

  /** Forgets the dynamic entry that a sweep would meet next. @returns false when there is none */
  protected evict(): boolean {
    for (let i = 0; i <= this.mask; i++) {
      const index = (this.#cursor + i) & this.mask;
      const holder = this.holderAt(index);
      if (holder === 0 || (holder & STATIC_BIT) !== 0) continue;
      this.delete(index);
      return true;
    }
    return false;
  }
}

function entriesIn(slots: number): number {
  return (slots * 3) >>> 2;
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
