/**
 * Who wants which group: members by port, of each VLAN and family, with an end.
 *
 * Ours. Bounded in every way that a host could fill it: groups, memberships, and memberships of
 * one port. Looking up allocates nothing.
 */
import type { Family } from './internet.ts';

/** Groups that are known at a time, in all VLANs. */
export const MOST_GROUPS = 2048;
/** Members of all groups together. */
export const MOST_MEMBERSHIPS = 16_384;
/** Groups that one port may be a member of. */
export const MOST_OF_PORT = 512;

export const Joined = {
  joined: 0,
  refreshed: 1,
  /** There is no room for it. */
  refused: 2,
} as const;
export type Joined = (typeof Joined)[keyof typeof Joined];

/** Members of one group: until when each port is one, milliseconds. */
type Group = Map<number, number>;

/** A VLAN and a family as one number. */
export function scopeOf(vid: number, family: Family): number {
  return (vid << 1) | family;
}

export class MemberTable {
  /** Groups by key, by scope. */
  readonly #scopes = new Map<number, Map<number, Group>>();
  readonly #ofPort = new Map<number, number>();
  #groups = 0;
  #memberships = 0;

  get groups(): number {
    return this.#groups;
  }

  get memberships(): number {
    return this.#memberships;
  }

  /** The members of a group, if there are any; valid until the table changes. */
  find(scope: number, key: number): ReadonlyMap<number, number> | undefined {
    return this.#scopes.get(scope)?.get(key);
  }

  join(scope: number, key: number, port: number, end: number): Joined {
    const groups = this.#scopes.get(scope) ?? new Map<number, Group>();
    const members: Group = groups.get(key) ?? new Map();
    if (members.has(port)) {
      members.set(port, end);
      return Joined.refreshed;
    }
    const count = this.#ofPort.get(port) ?? 0;
    if (count >= MOST_OF_PORT || this.#memberships >= MOST_MEMBERSHIPS) return Joined.refused;
    if (members.size === 0) {
      if (this.#groups >= MOST_GROUPS) return Joined.refused;
      this.#groups++;
      groups.set(key, members);
      this.#scopes.set(scope, groups);
    }
    members.set(port, end);
    this.#ofPort.set(port, count + 1);
    this.#memberships++;
    return Joined.joined;
  }

  /** Lets a membership end by `end` at the latest, of one port or, with 0, of all. */
  shorten(scope: number, key: number, port: number, end: number): void {
    const members = this.#scopes.get(scope)?.get(key);
    if (members === undefined) return;
    for (const [each, until] of members) {
      if ((port === 0 || each === port) && until > end) members.set(each, end);
    }
  }

  /** Forgets what ended by `now`. */
  age(now: number): void {
    this.#removeWhere((_port, until) => until <= now);
  }

  flushPort(port: number): void {
    if (!this.#ofPort.has(port)) return;
    this.#removeWhere((each) => each === port);
  }

  #removeWhere(isGone: (port: number, until: number) => boolean): void {
    for (const [scope, groups] of this.#scopes) {
      for (const [key, members] of groups) {
        for (const [port, until] of members) {
          if (!isGone(port, until)) continue;
          members.delete(port);
          this.#memberships--;
          const left = (this.#ofPort.get(port) ?? 1) - 1;
          if (left > 0) this.#ofPort.set(port, left);
          else this.#ofPort.delete(port);
        }
        if (members.size > 0) continue;
        groups.delete(key);
        this.#groups--;
      }
      if (groups.size === 0) this.#scopes.delete(scope);
    }
  }
}
