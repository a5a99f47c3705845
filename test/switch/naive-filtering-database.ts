/** The readable twin of FilteringDatabase: a Map, and the rules in plain words. */
import { Learned } from '../../src/switch/filtering-database.ts';

interface Entry {
  port: number;
  seen: number;
  since: number;
  static: boolean;
  /** A static address that has been heard on its port. */
  heard?: boolean;
}

export class NaiveFilteringDatabase {
  readonly entries = new Map<string, Entry>();
  readonly #limit: number;
  ageingTime: number;
  minPersistence: number;
  portLimit: number;

  constructor(limit: number, ageingTime: number, minPersistence: number, portLimit: number) {
    this.#limit = limit;
    this.ageingTime = ageingTime;
    this.minPersistence = minPersistence;
    this.portLimit = portLimit;
  }

  learn(mac: string, vlan: number, port: number, now: number): Learned {
    const entry = this.entries.get(key(mac, vlan));
    const held = [...this.entries.values()].filter((e) => !e.static && e.port === port).length;
    if (entry === undefined) {
      if (held >= this.portLimit) return Learned.portFull;
      if (this.entries.size >= this.#limit) return Learned.tableFull;
      this.entries.set(key(mac, vlan), { port, seen: now, since: now, static: false });
      return Learned.added;
    }
    if (entry.static) {
      if (entry.port !== port) return Learned.fixed;
      if (entry.heard) return Learned.refreshed;
      entry.heard = true;
      return Learned.added;
    }
    if (entry.port === port) {
      entry.seen = now;
      return Learned.refreshed;
    }
    if (now - entry.since < this.minPersistence) return Learned.moveRefused;
    if (held >= this.portLimit) return Learned.portFull;
    Object.assign(entry, { port, seen: now, since: now });
    return Learned.moved;
  }

  lookup(mac: string, vlan: number): number {
    return this.entries.get(key(mac, vlan))?.port ?? 0;
  }

  addStatic(mac: string, vlan: number, port: number, now: number): boolean {
    const known = this.entries.has(key(mac, vlan));
    const full = [...this.entries.values()].every((entry) => entry.static);
    if (!known && this.entries.size >= this.#limit && full) return false;
    this.entries.set(key(mac, vlan), { port, seen: now, since: now, static: true });
    return true;
  }

  remove(mac: string, vlan: number): boolean {
    return this.entries.delete(key(mac, vlan));
  }

  /** Removes what `doomed` names; static entries only if `all`, and else they count as not heard. */
  removeWhere(all: boolean, flushed: boolean, doomed: (entry: Entry) => boolean): number {
    let removed = 0;
    for (const [name, entry] of this.entries) {
      if (!doomed(entry)) continue;
      if (entry.static && !all) {
        if (flushed) entry.heard = false;
        continue;
      }
      this.entries.delete(name);
      removed++;
    }
    return removed;
  }
}

export function key(mac: string, vlan: number): string {
  return `${mac} ${vlan}`;
}
