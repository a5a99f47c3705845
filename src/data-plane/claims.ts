/**
 * Who owns which address: our own hosts, and what friends claim for theirs. Pure.
 *
 * Read first: docs/protocol/link.md, section "Claims and confinement", and
 * docs/decisions/0011-end-to-end.md for the why.
 *
 *   trusted   our own hosts (by local port), and those of friends who share a security
 *             group with us (by the friend's port). The newest claim counts. It outlasts the
 *             session, so that nobody else gets those frames while the friend is away.
 *   others    those of friends who share none. The oldest claim counts, and one that is
 *             trusted comes before it.
 *
 * VLANs are numbered alike by all who know any. A switch that knows none has all addresses
 * in VLAN 0, which stands for every VLAN in what others claim.
 *
 * What friends can make us remember is bounded: MAX_CLAIMS a friend, MOST_CLAIMS in each
 * table. Malformed packets are counted and change nothing.
 */
import {
  ClaimKind,
  claimCount,
  claimHigh,
  claimKind,
  claimList,
  claimLow,
  claimPart,
  claimParts,
  claimVid,
  entryOffset,
  MAX_CLAIMS,
} from '../links/claim.ts';
import { FilteringDatabase, Learned } from '../switch/filtering-database.ts';
import { MAX_AGEING_TIME } from '../switch/filtering-parameters.ts';
import { NO_PORT, PORT_TABLE_LENGTH } from '../switch/port.ts';
import { type HostClaims, PortTrust } from '../switch/port-trust.ts';
import { LIFETIME, OwnHosts } from './own-hosts.ts';

/** Milliseconds between two lists to a friend. */
const LIST_INTERVAL = 30_000;
/** Milliseconds after a change until a list repeats it, in case the packet was lost. */
const REPEAT_AFTER = 1000;
/** Milliseconds between two lists of a friend that we look through the table for. */
const SWEEP_INTERVAL = 500;
/** Milliseconds after which a host that the switch has forgotten may make room for another. */
const QUIET = 2000;
/** Entries of the tables looked at in one tick for their age. */
const AGEING_BUDGET = 256;
const FIRST_CAPACITY = 1024;
const LAST_CAPACITY = 65_536;

/** A list of a friend of which some parts have come. */
interface IncomingList {
  number: number;
  parts: number;
  /** A bit for each part that has come. */
  mask: number;
  startedAt: number;
  sweptAt: number;
}

export class Claims implements HostClaims {
  readonly own = new OwnHosts();
  /** What came from friends: claims too many, and packets that made no sense. */
  readonly counters = { claimsRefused: 0, claimsMalformed: 0 };
  readonly #database: FilteringDatabase;
  readonly #trusted: FilteringDatabase;
  readonly #others: FilteringDatabase;
  readonly #lists = new Map<number, IncomingList>();
  /** By port: when a list is due there. */
  readonly #listDue = new Float64Array(PORT_TABLE_LENGTH);
  /** PortTrust by port: the forwarder's. */
  #trust: Uint8Array = new Uint8Array(PORT_TABLE_LENGTH);
  /** Whether our switch tells VLANs apart. */
  vlanAware = false;
  size = 0;
  now = 0;

  /** @param database the switch's: what it knows of our ports */
  constructor(database: FilteringDatabase) {
    this.#database = database;
    const options = {
      capacity: FIRST_CAPACITY,
      portLimit: MAX_CLAIMS,
      ageingTime: LIFETIME,
      seed: database.seed,
    };
    this.#trusted = new FilteringDatabase({ ...options, minPersistence: 0 });
    this.#others = new FilteringDatabase({ ...options, minPersistence: MAX_AGEING_TIME });
  }

  watch(trust: Uint8Array): void {
    this.#trust = trust;
  }

  // ---- HostClaims

  lookup(high: number, low: number, vid: number): number {
    const owner = this.lookupTrusted(high, low, vid);
    return owner === NO_PORT ? ownerIn(this.#others, high, low, vid) : owner;
  }

  lookupTrusted(high: number, low: number, vid: number): number {
    return ownerIn(this.#trusted, high, low, vid);
  }

  learned(high: number, low: number, vid: number, port: number): void {
    const { own } = this;
    const owner = this.#trusted.lookup(high, low, vid);
    const isOwn = owner !== NO_PORT && this.#isLocal(owner);
    if (!this.#isLocal(port)) {
      if (isOwn) this.#disown(own.find(high, low, vid));
      return;
    }
    const place = own.find(high, low, vid);
    if (place >= 0) own.heard(place, port, this.now);
    else {
      const free = own.placeFor(this.now, QUIET);
      if (free < 0) return;
      if (free < own.count) this.#disown(free);
      own.add(high, low, vid, port, this.now);
    }
    this.#hold(this.#trusted, high, low, vid, port);
  }

  // ---- friends

  /** A claim of the friend on `port`, which lies in the slab. */
  receive(slab: Uint8Array, offset: number, length: number, port: number, trusted: boolean): void {
    const count = claimCount(slab, offset, length);
    if (count < 0) {
      this.counters.claimsMalformed++;
      return;
    }
    const table = trusted ? this.#trusted : this.#others;
    const kind = claimKind(slab, offset);
    const list = kind === ClaimKind.list ? this.#listOf(slab, offset, port) : undefined;
    for (let index = 0; index < count; index++) {
      const entry = entryOffset(offset, index);
      const high = claimHigh(slab, entry);
      const low = claimLow(slab, entry);
      const vid = this.vlanAware ? claimVid(slab, entry) : 0;
      if (kind !== ClaimKind.removed) {
        if (trusted) this.#surrender(high, low, vid);
        this.#hold(table, high, low, vid, port);
      } else if (table.lookup(high, low, vid) === port) table.remove(high, low, vid);
    }
    if (list !== undefined) this.#complete(list, claimPart(slab, offset), table, port);
    this.#count();
  }

  /**
   * Frames for a port's friend leave through another session from now on. Its claims are
   * trusted as far as that session is. A list is due.
   */
  sessionUsed(port: number, clear: boolean): void {
    const [from, to] = clear ? [this.#trusted, this.#others] : [this.#others, this.#trusted];
    const moving: [high: number, low: number, vid: number][] = [];
    from.forEachOn(port, (...address) => moving.push(address));
    from.flushPort(port);
    for (const address of moving) this.#hold(to, ...address, port);
    this.#listDue[port] = 0;
    this.#count();
  }

  /** Nobody hangs on a local port any more, or the friend of a link is none any more. */
  portGone(port: number): void {
    for (let place = this.own.count - 1; place >= 0; place--) {
      if (this.own.portAt(place) === port) this.#disown(place);
    }
    this.#trusted.flushPort(port);
    this.#others.flushPort(port);
    this.#lists.delete(port);
    this.#count();
  }

  // ---- telling

  /** Whether a list is due for the friend on a port; if so, when the next one is. */
  takeList(port: number): boolean {
    if (this.now < this.#listDue[port]) return false;
    const first = this.#listDue[port] === 0;
    this.#listDue[port] = this.now + (first ? REPEAT_AFTER : LIST_INTERVAL);
    return true;
  }

  /** Something has been told to the friend on a port: it is to be repeated soon. */
  told(port: number): void {
    const soon = this.own.overflowed ? 0 : this.now + REPEAT_AFTER;
    this.#listDue[port] = Math.min(this.#listDue[port], soon);
  }

  // ---- time

  tick(): void {
    const { own, now } = this;
    for (let place = own.count - 1; place >= 0; place--) {
      const high = own.highAt(place);
      const low = own.lowAt(place);
      const vid = own.vidAt(place);
      const port = this.#database.lookup(high, low, vid);
      if (port === NO_PORT) {
        if (now - own.heardAt(place) >= LIFETIME) this.#disown(place);
      } else if (this.#isLocal(port)) {
        own.heard(place, port, now);
        this.#hold(this.#trusted, high, low, vid, port);
      } else {
        this.#disown(place);
      }
    }
    this.#trusted.age(now, AGEING_BUDGET);
    this.#others.age(now, AGEING_BUDGET);
    this.#count();
  }

  /** Addresses that the friend on a port has claimed. */
  claimedBy(port: number): number {
    return this.#trusted.portSize(port) + this.#others.portSize(port);
  }

  #isLocal(port: number): boolean {
    return this.#trust[port] === PortTrust.local;
  }

  /** A member says that a host of ours is with it now: it has moved, and will tell if it has not. */
  #surrender(high: number, low: number, vid: number): void {
    const owner = this.#trusted.lookup(high, low, vid);
    if (owner === NO_PORT || !this.#isLocal(owner)) return;
    if (this.#database.find(high, low, vid, this.now)?.static === true) return;
    this.#disown(this.own.find(high, low, vid));
    this.#database.remove(high, low, vid);
  }

  #disown(place: number): void {
    const { own } = this;
    if (place < 0) return;
    const high = own.highAt(place);
    const low = own.lowAt(place);
    const vid = own.vidAt(place);
    own.removeAt(place);
    const owner = this.#trusted.lookup(high, low, vid);
    if (owner !== NO_PORT && this.#isLocal(owner)) this.#trusted.remove(high, low, vid);
    this.#count();
  }

  #hold(table: FilteringDatabase, high: number, low: number, vid: number, port: number): void {
    let learned = table.learn(high, low, vid, port, this.now);
    if (learned === Learned.tableFull && table.capacity < LAST_CAPACITY) {
      table.resize(table.capacity * 2);
      learned = table.learn(high, low, vid, port, this.now);
    }
    if (learned === Learned.tableFull || learned === Learned.portFull) {
      this.counters.claimsRefused++;
    }
    this.#count();
  }

  #listOf(slab: Uint8Array, offset: number, port: number): IncomingList {
    const number = claimList(slab, offset);
    const parts = claimParts(slab, offset);
    let list = this.#lists.get(port);
    if (list === undefined) {
      list = { number: -1, parts: 0, mask: 0, startedAt: 0, sweptAt: Number.NEGATIVE_INFINITY };
      this.#lists.set(port, list);
    }
    if (list.number !== number || list.parts !== parts) {
      list.number = number;
      list.parts = parts;
      list.mask = 0;
      list.startedAt = this.now;
    }
    return list;
  }

  /** When all parts of a list have come, what was not in them is claimed no more. */
  #complete(list: IncomingList, part: number, table: FilteringDatabase, port: number): void {
    list.mask |= 1 << part;
    if (list.mask !== (1 << list.parts) - 1) return;
    list.number = -1;
    if (this.now - list.sweptAt < SWEEP_INTERVAL) return;
    list.sweptAt = this.now;
    table.flushUnseen(port, list.startedAt);
  }

  #count(): void {
    this.size = this.#trusted.size + this.#others.size;
  }
}

/** The port that has an address in a VLAN, or in all of them. */
function ownerIn(table: FilteringDatabase, high: number, low: number, vid: number): number {
  const owner = table.lookup(high, low, vid);
  return owner === NO_PORT && vid !== 0 ? table.lookup(high, low, 0) : owner;
}
