/**
 * Who may have which port of the switch.
 *
 * Pure: no system call is made here; whether a user is in a group is asked of
 * the caller. VDE's rules (docs/protocol/vde.md):
 *
 *   - ports are numbered from 1; the lowest free one is given to who wants any;
 *   - several endpoints may share a port, if one user owns them all;
 *   - a port may be kept for a user, a group, or either; uid 0 always passes;
 *   - a port that was created by hand is not given to who wants any.
 *
 * Besides, the node reserves ports for its own links and taps; no client can
 * join those.
 */
import { KithError } from '../../errors.ts';
import { MAX_PORT } from '../port.ts';

/** Ports when nothing else is asked for (ours; vde_switch has 32). */
export const DEFAULT_PORT_COUNT = 128;

/**
 * Where clients that ask for VDE's port 0 go. The data plane has no port 0, so
 * they share this one, which lies beyond those that are given away.
 */
export const PORT_ZERO = MAX_PORT;

/** The greatest number of ports that can be asked for. */
export const MAX_PORT_COUNT = PORT_ZERO - 1;

const ROOT = 0;

/** Why no port was given. */
export type ClaimFault = 'no-such-port' | 'busy' | 'kept' | 'ports-full';

/** Whether `uid` belongs to group `gid`. */
export type GroupTest = (uid: number, gid: number) => boolean;

/** One port that differs from an untouched one. */
export interface PortEntry {
  readonly port: number;
  readonly endpoints: number;
  /** Owner of the endpoints; undefined when there are none. */
  readonly currentUser: number | undefined;
  readonly reserved: boolean;
  readonly allocatable: boolean;
  readonly user: number | undefined;
  readonly group: number | undefined;
}

interface MutableEntry {
  endpoints: number;
  currentUser: number | undefined;
  reserved: boolean;
  created: boolean;
  allocatable: boolean;
  user: number | undefined;
  group: number | undefined;
}

export class PortTable {
  readonly #entries = new Map<number, MutableEntry>();
  #portCount: number;

  /** @param portCount ports 1 … portCount exist; at most MAX_PORT_COUNT */
  constructor(portCount = DEFAULT_PORT_COUNT) {
    this.#portCount = checkedCount(portCount);
  }

  get portCount(): number {
    return this.#portCount;
  }

  /** KithError when a port beyond `portCount` is in use or was made by hand. */
  setPortCount(portCount: number): void {
    const checked = checkedCount(portCount);
    for (const [port, entry] of this.#entries) {
      if (port > checked && port !== PORT_ZERO && !isIdle(entry)) {
        throw new KithError(
          'usage',
          `Port ${port} is in use; free it before there are fewer ports.`,
        );
      }
    }
    this.#portCount = checked;
  }

  /**
   * Counts one more endpoint of user `uid` on a port.
   * @param wanted the port, PORT_ZERO, or 0 for any
   * @returns the port, or why not
   */
  claim(wanted: number, uid: number, inGroup: GroupTest): number | ClaimFault {
    const port = wanted === 0 ? this.#firstFree(uid, inGroup) : wanted;
    if (port === 0) return 'ports-full';
    if (!this.#exists(port)) return 'no-such-port';
    const entry = this.#entry(port);
    if (entry.reserved) return 'busy';
    if (!mayUse(entry, uid, inGroup)) return 'kept';
    if (entry.endpoints > 0 && uid !== ROOT && entry.currentUser !== uid) return 'busy';
    if (entry.endpoints === 0) entry.currentUser = uid;
    entry.endpoints++;
    return port;
  }

  /** One endpoint fewer on a port that was claimed. */
  release(port: number): void {
    const entry = this.#entries.get(port);
    if (entry === undefined || entry.endpoints === 0) throw new RangeError(`port ${port} is free`);
    entry.endpoints--;
    if (entry.endpoints === 0) entry.currentUser = undefined;
    this.#forgetIdle(port, entry);
  }

  /**
   * Takes a whole port for the node itself.
   * @param wanted the port, or 0 for any
   * @returns undefined when it is in use, or none is free
   */
  reserve(wanted = 0): number | undefined {
    const port = wanted === 0 ? this.#firstFree(ROOT, () => true) : wanted;
    if (port === 0 || port === PORT_ZERO || !this.#exists(port)) return undefined;
    const entry = this.#entry(port);
    if (entry.reserved || entry.endpoints > 0) return undefined;
    entry.reserved = true;
    return port;
  }

  /** Gives a reserved port back. */
  unreserve(port: number): void {
    const entry = this.#entries.get(port);
    if (entry?.reserved !== true) throw new RangeError(`port ${port} is not reserved`);
    entry.reserved = false;
    this.#forgetIdle(port, entry);
  }

  /** Makes a port by hand: it exists without endpoints, and only who names it gets it. */
  create(port: number): void {
    const entry = this.#checkedEntry(port);
    if (entry.created) throw new KithError('usage', `Port ${port} is there already.`);
    entry.created = true;
    entry.allocatable = false;
  }

  /** Unmakes a port: back to its first state. KithError when it has endpoints. */
  remove(port: number): void {
    const entry = this.#entries.get(port);
    if (entry === undefined) throw new KithError('not-found', `There is no port ${port}.`);
    if (entry.endpoints > 0 || entry.reserved) {
      throw new KithError('usage', `Port ${port} is in use; close its endpoints first.`);
    }
    this.#entries.delete(port);
  }

  /** Whether a port may be given to who wants any. */
  setAllocatable(port: number, allocatable: boolean): void {
    const entry = this.#checkedEntry(port);
    entry.allocatable = allocatable;
    this.#forgetIdle(port, entry);
  }

  /** Keeps a port for a user; undefined lifts that. Endpoints that are there stay. */
  setUser(port: number, uid: number | undefined): void {
    const entry = this.#checkedEntry(port);
    entry.user = uid;
    this.#forgetIdle(port, entry);
  }

  /** Keeps a port for a group; undefined lifts that. */
  setGroup(port: number, gid: number | undefined): void {
    const entry = this.#checkedEntry(port);
    entry.group = gid;
    this.#forgetIdle(port, entry);
  }

  /** Every port that is in use or was changed by hand, in order of their numbers. */
  list(): PortEntry[] {
    return [...this.#entries]
      .sort(([a], [b]) => a - b)
      .map(([port, { created: _, ...entry }]) => ({ port, ...entry }));
  }

  #firstFree(uid: number, inGroup: GroupTest): number {
    for (let port = 1; port <= this.#portCount; port++) {
      const entry = this.#entries.get(port);
      if (entry === undefined) return port;
      const free = entry.allocatable && !entry.reserved && entry.endpoints === 0;
      if (free && mayUse(entry, uid, inGroup)) return port;
    }
    return 0;
  }

  #exists(port: number): boolean {
    return (port >= 1 && port <= this.#portCount) || port === PORT_ZERO;
  }

  #entry(port: number): MutableEntry {
    let entry = this.#entries.get(port);
    if (entry === undefined) {
      entry = {
        endpoints: 0,
        currentUser: undefined,
        reserved: false,
        created: false,
        allocatable: true,
        user: undefined,
        group: undefined,
      };
      this.#entries.set(port, entry);
    }
    return entry;
  }

  #checkedEntry(port: number): MutableEntry {
    if (this.#exists(port)) return this.#entry(port);
    throw new KithError(
      'not-found',
      `There is no port ${port}; ports are 1 to ${this.#portCount} (port/setnumports changes that).`,
    );
  }

  #forgetIdle(port: number, entry: MutableEntry): void {
    if (isIdle(entry)) this.#entries.delete(port);
  }
}

function mayUse(entry: MutableEntry, uid: number, inGroup: GroupTest): boolean {
  if (uid === ROOT) return true;
  if (entry.user === undefined && entry.group === undefined) return true;
  return entry.user === uid || (entry.group !== undefined && inGroup(uid, entry.group));
}

/** True for an entry that says no more than none would. */
function isIdle(entry: MutableEntry): boolean {
  return (
    entry.endpoints === 0 &&
    !entry.reserved &&
    !entry.created &&
    entry.allocatable &&
    entry.user === undefined &&
    entry.group === undefined
  );
}

function checkedCount(portCount: number): number {
  if (Number.isInteger(portCount) && portCount >= 1 && portCount <= MAX_PORT_COUNT) {
    return portCount;
  }
  throw new KithError(
    'config',
    `A switch has 1 to ${MAX_PORT_COUNT} ports, not ${portCount}; choose a number in between.`,
  );
}
