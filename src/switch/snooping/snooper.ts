/**
 * IGMP and MLD snooping: multicast goes where somebody wants it, and where a router is.
 *
 * Read first: RFC 4541, sections 2.1 and 3; RFC 3376 and RFC 3810, section 8 and 9 (times).
 *
 *   frame to a group -> about membership? -- report --> noted, to routers
 *                             |       \---- query ---> noted, to all
 *                             no
 *                             |
 *            everybody's, unknown, or nobody asks -----> to all
 *                             |
 *                           known ---------------------> to members and routers
 *
 * Frames are only held back in a VLAN where somebody asks hosts for their groups, and hosts have
 * had the time to answer: without a querier, who is a member is a matter of luck. Where no router
 * asks, the switch does. A port that has just begun to forward, or of which not all groups could
 * be noted, gets everything: a host that fills the tables harms nobody but itself.
 *
 * A machine in virtual time. What comes in is believed as far as its checksums hold; nothing
 * throws. Looking at a frame that is not about membership allocates nothing.
 */
import { MAC_LENGTH, readHigh32, readLow16 } from '../mac-address.ts';
import { PORT_TABLE_LENGTH, PortState } from '../port.ts';
import { hearIgmp } from './igmp.ts';
import {
  EVERYBODY,
  Family,
  Found,
  familyOf,
  keyOfAddress,
  type MembershipSink,
  networkOffset,
  type QueryFacts,
} from './internet.ts';
import { Joined, MemberTable, scopeOf } from './member-table.ts';
import { hearMld } from './mld.ts';
import { QUERY_INTERVAL } from './query-frames.ts';

/** Whether a port counts as one with a router behind it. */
export const RouterPort = {
  /** When a query comes in by it. */
  learn: 0,
  always: 1,
  never: 2,
} as const;
export type RouterPort = (typeof RouterPort)[keyof typeof RouterPort];

export interface SnoopingSettings {
  /** RouterPort by port; ports beyond its end learn. */
  readonly routerPorts: Uint8Array;
  /** Of the bridge, 6 octets: the source of its queries. */
  readonly address: Uint8Array;
}

/** Where a frame to a group goes. */
export const Route = { everywhere: 0, routers: 1, members: 2 } as const;
export type Route = (typeof Route)[keyof typeof Route];

/** A query that the switch is to send. */
export interface OwnQuery {
  readonly vid: number;
  readonly family: Family;
  /** Out of this port only; 0 for all. */
  readonly port: number;
  /** Milliseconds in which to answer. */
  readonly response: number;
}

/** VLANs in which the switch asks; in others, only what routers ask counts. */
const MOST_VLANS = 256;

/** RFC 3376, 8: Query Response Interval, Group Membership and Other Querier Present Interval. */
const QUERY_RESPONSE = 10_000;
const MEMBERSHIP_INTERVAL = 2 * QUERY_INTERVAL + QUERY_RESPONSE;
const QUERIER_PRESENT = 2 * QUERY_INTERVAL + QUERY_RESPONSE / 2;
const STARTUP_INTERVAL = QUERY_INTERVAL / 4;
const LAST_MEMBER_RESPONSE = 1000;
const LAST_MEMBER_COUNT = 2;
/** Milliseconds for answers on their way, beyond the time that a query gives (ours). */
const SLACK = 2000;
/** Milliseconds in which the hosts of a port have answered. */
const SETTLING = QUERY_RESPONSE + SLACK;
const AGEING_INTERVAL = 1000;

/** What is known of the queries in one VLAN, of one family. */
interface Scope {
  /** Until then somebody asks, ourselves among them. */
  askedUntil: number;
  /** From then on members are known. */
  settledAt: number;
  /** Until then somebody else asks. */
  otherUntil: number;
  /** When we ask next, if nobody else does. */
  nextOwn: number;
  /** Own queries so far. */
  asked: number;
  /** Milliseconds that a membership lasts. */
  interval: number;
}

/** Queries out of one port that are still to be sent. */
interface Ask {
  at: number;
  left: number;
  readonly response: number;
}

export class Snooper implements MembershipSink {
  readonly counters = { reports: 0, queries: 0, malformed: 0, refused: 0 };
  readonly #table = new MemberTable();
  readonly #scopes = new Map<number, Scope>();
  readonly #routerPorts = new Uint8Array(PORT_TABLE_LENGTH);
  /** Until when each port counts as a router's, and gets everything for other reasons. */
  readonly #routerUntil = new Float64Array(PORT_TABLE_LENGTH);
  readonly #greedyUntil = new Float64Array(PORT_TABLE_LENGTH);
  readonly #forwarding = new Uint8Array(PORT_TABLE_LENGTH);
  readonly #asks = new Map<number, Ask>();
  #queue: OwnQuery[] = [];
  #vlans: readonly number[] = [];
  #nextAgeing = 0;
  #address: Uint8Array = new Uint8Array(MAC_LENGTH);
  // The frame in hand.
  #vid = 0;
  #port = 0;
  #now = 0;
  #members: ReadonlyMap<number, number> | undefined;

  get groups(): number {
    return this.#table.groups;
  }

  get memberships(): number {
    return this.#table.memberships;
  }

  /** The source of own queries. */
  get address(): Uint8Array {
    return this.#address;
  }

  /**
   * Takes over new settings, and the states of ports.
   * @param vlans those in which the switch asks if nobody else does
   */
  apply(
    settings: SnoopingSettings,
    vlans: readonly number[],
    portStates: Uint8Array,
    now: number,
  ): void {
    this.#vlans = vlans.slice(0, MOST_VLANS);
    this.#address = settings.address;
    for (let port = 1; port < PORT_TABLE_LENGTH; port++) {
      const router = settings.routerPorts[port] ?? RouterPort.learn;
      if (router !== this.#routerPorts[port]) {
        this.#routerPorts[port] = router;
        this.#routerUntil[port] = router === RouterPort.always ? Number.POSITIVE_INFINITY : 0;
      }
      const forwards = portStates[port] === PortState.forwarding ? 1 : 0;
      if (forwards === this.#forwarding[port]) continue;
      this.#forwarding[port] = forwards;
      if (forwards === 1) this.#ask(port, now);
      else this.#forget(port);
    }
  }

  /** What is behind a port may be something else now. */
  flushPort(port: number, now: number): void {
    this.#forget(port);
    if (this.#forwarding[port] === 1) this.#ask(port, now);
  }

  /**
   * Looks at a frame to a group that came in by a forwarding port, and says where it goes.
   * @param length octets of the frame
   */
  inspect(
    bytes: Uint8Array,
    offset: number,
    length: number,
    vid: number,
    port: number,
    now: number,
  ): Route {
    const high = readHigh32(bytes, offset);
    const family = familyOf(high);
    if (family === undefined) return Route.everywhere;
    this.#vid = vid;
    this.#port = port;
    this.#now = now;
    const scope = scopeOf(vid, family);
    const ip = networkOffset(bytes, offset, length);
    if (ip !== 0) {
      const hear = family === Family.four ? hearIgmp : hearMld;
      const found = hear(bytes, offset + ip, length - ip, this);
      if (found === Found.report) {
        this.counters.reports++;
        this.#members = undefined;
        return this.#isSettled(scope) ? Route.routers : Route.everywhere;
      }
      if (found !== Found.other) {
        if (found === Found.query) this.counters.queries++;
        else this.counters.malformed++;
        return Route.everywhere;
      }
    }
    const key = keyOfAddress(family, high, readLow16(bytes, offset));
    if (key === EVERYBODY) return Route.everywhere;
    const members = this.#table.find(scope, key);
    if (members === undefined || !this.#isSettled(scope)) return Route.everywhere;
    this.#members = members;
    return Route.members;
  }

  /** Whether the frame that was inspected last, and does not go everywhere, goes to a port. */
  wants(port: number): boolean {
    if (this.#routerUntil[port] > this.#now) return true;
    const members = this.#members;
    if (members === undefined) return false;
    if (this.#greedyUntil[port] > this.#now) return true;
    const until = members.get(port);
    return until !== undefined && until > this.#now;
  }

  // ---- MembershipSink, for the frame in hand

  join(family: Family, key: number): void {
    const scope = scopeOf(this.#vid, family);
    const lasts = this.#scopes.get(scope)?.interval ?? MEMBERSHIP_INTERVAL;
    const joined = this.#table.join(scope, key, this.#port, this.#now + lasts);
    if (joined !== Joined.refused) return;
    this.counters.refused++;
    this.#greedyUntil[this.#port] = this.#now + lasts;
  }

  leave(family: Family, key: number): void {
    const scope = scopeOf(this.#vid, family);
    // Another querier asks who else is there, and what it asks ends the membership.
    if ((this.#scopes.get(scope)?.otherUntil ?? 0) > this.#now) return;
    if (this.#table.find(scope, key)?.has(this.#port) !== true) return;
    const end = this.#now + LAST_MEMBER_COUNT * LAST_MEMBER_RESPONSE + SLACK;
    this.#table.shorten(scope, key, this.#port, end);
    if (this.#asks.has(this.#port)) return;
    const ask = { at: this.#now, left: LAST_MEMBER_COUNT, response: LAST_MEMBER_RESPONSE };
    this.#asks.set(this.#port, ask);
  }

  query({ family, key, anonymous, response, interval }: QueryFacts): void {
    const now = this.#now;
    if (!anonymous && this.#routerPorts[this.#port] === RouterPort.learn) {
      this.#routerUntil[this.#port] = now + QUERIER_PRESENT;
    }
    const number = scopeOf(this.#vid, family);
    if (key !== EVERYBODY) {
      const wait = Math.max(response, LAST_MEMBER_RESPONSE);
      this.#table.shorten(number, key, 0, now + LAST_MEMBER_COUNT * wait + SLACK);
      return;
    }
    const scope = this.#scope(number);
    scope.otherUntil = now + QUERIER_PRESENT;
    scope.interval = Math.max(MEMBERSHIP_INTERVAL, interval);
    this.#asked(scope, Math.max(response, QUERY_RESPONSE), now);
  }

  // ---- time

  /** Forgets what has ended. */
  age(now: number): void {
    if (now < this.#nextAgeing) return;
    this.#nextAgeing = now + AGEING_INTERVAL;
    this.#table.age(now);
    for (const [number, scope] of this.#scopes) {
      // VLANs in which somebody asked once must not fill the memory.
      if (scope.askedUntil <= now && scope.nextOwn <= now - QUERIER_PRESENT) {
        this.#scopes.delete(number);
      }
    }
  }

  /** The next query that is to be sent now, if there is one. */
  takeQuery(now: number): OwnQuery | undefined {
    if (this.#queue.length === 0) this.#plan(now);
    return this.#queue.shift();
  }

  #plan(now: number): void {
    for (const vid of this.#vlans) {
      for (const family of [Family.four, Family.six]) {
        const scope = this.#scope(scopeOf(vid, family));
        if (scope.nextOwn > now || scope.otherUntil > now) continue;
        scope.asked++;
        scope.nextOwn = now + (scope.asked < 2 ? STARTUP_INTERVAL : QUERY_INTERVAL);
        this.#asked(scope, QUERY_RESPONSE, now);
        this.#queue.push({ vid, family, port: 0, response: QUERY_RESPONSE });
      }
    }
    for (const [port, ask] of this.#asks) {
      if (ask.at > now) continue;
      const { response } = ask;
      for (const vid of this.#vlans) {
        for (const family of [Family.four, Family.six]) {
          this.#queue.push({ vid, family, port, response });
        }
      }
      ask.at = now + response;
      if (--ask.left === 0) this.#asks.delete(port);
    }
  }

  /** The hosts of a port are asked, and until they have answered it gets everything. */
  #ask(port: number, now: number): void {
    this.#greedyUntil[port] = now + SETTLING;
    this.#asks.set(port, { at: now, left: 1, response: QUERY_RESPONSE });
  }

  #forget(port: number): void {
    this.#table.flushPort(port);
    this.#asks.delete(port);
    this.#greedyUntil[port] = 0;
    if (this.#routerPorts[port] === RouterPort.learn) this.#routerUntil[port] = 0;
  }

  #asked(scope: Scope, response: number, now: number): void {
    if (scope.askedUntil <= now) scope.settledAt = now + response + SLACK;
    scope.askedUntil = now + QUERIER_PRESENT;
  }

  #isSettled(number: number): boolean {
    const scope = this.#scopes.get(number);
    if (scope === undefined) return false;
    return scope.askedUntil > this.#now && scope.settledAt <= this.#now;
  }

  #scope(number: number): Scope {
    let scope = this.#scopes.get(number);
    if (scope === undefined) {
      scope = {
        askedUntil: 0,
        settledAt: 0,
        otherUntil: 0,
        nextOwn: 0,
        asked: 0,
        interval: MEMBERSHIP_INTERVAL,
      };
      this.#scopes.set(number, scope);
    }
    return scope;
  }
}
