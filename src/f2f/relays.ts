/**
 * Relays: links through a friend of ours to a friend who cannot be reached otherwise.
 *
 *              offline for RELAY_AFTER             a friend in common leads there
 *   [offline] ------------------------> [asking] --------------------------------> a session
 *       ^                                  |                        like any other, and the
 *       +----- nobody does: back-off ------+                        first that a better one replaces
 *
 * Joins the three parts of it: RelayProvider makes carriers for our own sessions,
 * RelayService passes on what others send, and here is decided when to ask whom.
 */
import type { Clock } from '../clock.ts';
import type { CarrierEvents } from '../links/contract.ts';
import { CircuitNumbers } from '../links/relay/circuit-numbers.ts';
import {
  parseRelayControl,
  RECEIVERS,
  RelayKind,
  relayControl,
} from '../links/relay/relay-packet.ts';
import {
  type CircuitHost,
  RELAY_SCHEME,
  RelayProvider,
  relayUrl,
} from '../links/relay/relay-provider.ts';
import type { CoreEvents } from './core-events.ts';
import type { Friend } from './friend.ts';
import { type RelayPlane, RelayService } from './relay-service.ts';

/** Milliseconds that a friend is left to be reached directly before others are asked. */
const RELAY_AFTER = 3000;
/** Milliseconds until friends are asked again: at first, and at most. */
const FIRST_WAIT = 5000;
const LONGEST_WAIT = 120_000;
/** Friends that are asked in one attempt. */
const MOST_ASKED = 4;

export interface RelayPolicy {
  /** Whether we pass on what friends send one another. */
  readonly serve: boolean;
  /** Whether we ask friends to lead us to those whom we do not reach. */
  readonly use: boolean;
}

export interface RelaysOptions {
  readonly clock: Clock;
  readonly policy: RelayPolicy;
  readonly plane: RelayPlane & CircuitHost;
  readonly carriers: CarrierEvents;
  readonly events: CoreEvents;
  friends(): Iterable<Friend>;
  /** Sends a `relayControl` packet over the link of a friend. */
  control(friend: Friend, packet: Uint8Array): void;
  /** Tries addresses until a session is there, and uses it. Fails when none answers. */
  connect(friend: Friend, addresses: readonly string[], signal: AbortSignal): Promise<void>;
}

/** A friend that we have no link to. */
interface Missing {
  since: number;
  nextAt: number;
  failures: number;
  attempt: AbortController | undefined;
}

export class Relays {
  readonly provider: RelayProvider;
  readonly #service: RelayService;
  readonly #options: RelaysOptions;
  readonly #missing = new Map<Friend, Missing>();
  #timer: NodeJS.Timeout | undefined;
  /** Whom to ask first, so that all get their turn. */
  #turn = 0;
  #closed = false;

  constructor(options: RelaysOptions) {
    this.#options = options;
    const numbers = new CircuitNumbers();
    const portOf = (uid: string): number | undefined => {
      for (const friend of options.friends()) {
        if (friend.uid === uid) return isDirect(friend) ? friend.port : undefined;
      }
      return undefined;
    };
    const control = (port: number, packet: Uint8Array): void => {
      const friend = this.#friendAt(port);
      if (friend !== undefined) options.control(friend, packet);
    };
    this.provider = new RelayProvider(
      options.plane,
      options.carriers,
      { portOf, control, uidAt: (port) => this.#friendAt(port)?.uid ?? '' },
      numbers,
    );
    this.#service = new RelayService({
      plane: options.plane,
      numbers,
      enabled: options.policy.serve,
      portOf,
      isDirect: (port) => isDirect(this.#friendAt(port)),
      control,
    });
    options.events.on('connecting', () => this.#friendCame());
    options.events.on('disconnected', ({ port }) => {
      this.provider.linkGone(port);
      this.#service.linkGone(port);
      this.review();
    });
  }

  /** What we have done for others. */
  get counters(): Readonly<Record<string, number>> {
    return { ...this.#service.counters, relayCircuits: this.#service.count };
  }

  /** A `relayControl` packet of a friend. @returns false when it makes no sense */
  receive(friend: Friend, payload: Uint8Array): boolean {
    const packet = parseRelayControl(payload);
    if (packet === undefined) return false;
    const { port } = friend;
    const { kind, number, callee } = packet;
    if (kind === RelayKind.open) {
      const now = this.#options.clock.now();
      if (!this.provider.has(port, number)) this.#service.open(port, number, callee, now);
      return true;
    }
    // A friend's numbers are of one space, whether it calls through us or leads somebody to us.
    if (kind === RelayKind.offer && this.#service.has(port, number)) return true;
    if (kind === RelayKind.offer && !this.#options.policy.use) {
      this.#options.control(friend, relayControl(RelayKind.closed, number ^ RECEIVERS));
      return true;
    }
    if (!this.provider.receive(port, packet)) this.#service.closed(port, number);
    return true;
  }

  /** Looks who is missing, and asks for those for whom it is time. */
  review(): void {
    clearTimeout(this.#timer);
    if (this.#closed || !this.#options.policy.use) return;
    const now = this.#options.clock.now();
    const friends = new Set(this.#options.friends());
    for (const [friend, missing] of this.#missing) {
      const isFound = friend.current !== undefined;
      if (friends.has(friend) && !isFound) continue;
      this.#missing.delete(friend);
      // An attempt that is under way goes on if there is a link: the other end may see it succeed.
      if (!isFound) missing.attempt?.abort(new Error('not needed any more'));
    }
    let next = Number.POSITIVE_INFINITY;
    const able = [...friends].filter(isDirect);
    for (const friend of friends) {
      if (friend.current !== undefined) continue;
      let missing = this.#missing.get(friend);
      if (missing === undefined) {
        missing = { since: now, nextAt: now + RELAY_AFTER, failures: 0, attempt: undefined };
        this.#missing.set(friend, missing);
      }
      if (missing.attempt !== undefined || able.length === 0) continue;
      if (now >= missing.nextAt) this.#ask(friend, missing, able);
      else next = Math.min(next, missing.nextAt);
    }
    if (next === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.review(), Math.max(0, Math.ceil(next - now)));
    this.#timer.unref();
  }

  /** Asks nobody any more. Whoever closes the providers ends the circuits. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const { attempt } of this.#missing.values()) attempt?.abort(new Error('the node stops'));
    this.#missing.clear();
  }

  /** Whoever came may know the way to others. */
  #friendCame(): void {
    for (const missing of this.#missing.values()) {
      missing.failures = 0;
      missing.nextAt = missing.since + RELAY_AFTER;
    }
    this.review();
  }

  #ask(friend: Friend, missing: Missing, able: readonly Friend[]): void {
    const first = this.#turn++ % able.length;
    const asked = [...able.slice(first), ...able.slice(0, first)].slice(0, MOST_ASKED);
    const attempt = new AbortController();
    missing.attempt = attempt;
    const addresses = asked.map(({ uid }) => relayUrl(uid, friend.uid));
    this.#options
      .connect(friend, addresses, attempt.signal)
      .catch(() => {
        missing.failures++;
      })
      .finally(() => {
        missing.attempt = undefined;
        const wait = FIRST_WAIT * 2 ** Math.min(Math.max(0, missing.failures - 1), 10);
        missing.nextAt = this.#options.clock.now() + Math.min(LONGEST_WAIT, wait);
        this.review();
      });
  }

  #friendAt(port: number): Friend | undefined {
    for (const friend of this.#options.friends()) if (friend.port === port) return friend;
    return undefined;
  }
}

/** Whether a friend can relay: connected, and not through a relay itself. */
function isDirect(friend: Friend | undefined): boolean {
  const { current } = friend ?? {};
  return current !== undefined && current.carrier.provider !== RELAY_SCHEME;
}
