/** What an F2F core is made of and asks of the node, and what it counts. */
import type { Clock } from '../clock.ts';
import type { DataPlane } from '../data-plane/data-plane.ts';
import type { ProviderFactory } from '../links/contract.ts';
import type { CookieSecrets } from '../links/handshake/cookie.ts';
import type { HandshakeSession } from '../links/handshake/handshake-outcome.ts';
import type { Friend } from './friend.ts';
import type { Facts } from './handshake-driver.ts';
import type { RelayPolicy } from './relays.ts';
import type { Uid } from './uid.ts';

/** What the core wants logged. Not for decisions. */
export interface CoreLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  debug(details: object, message: string): void;
}

export interface CoreOptions {
  readonly clock: Clock;
  readonly random: (length: number) => Uint8Array;
  readonly cookies: CookieSecrets;
  readonly log: CoreLog;
  readonly dataPlane: DataPlane;
  readonly providers: readonly ProviderFactory[];
  /** What handshakes say of this node; friends and tickets are the core's. */
  readonly facts: () => Omit<Facts, 'isFriend' | 'tickets' | 'policy'>;
  readonly tickets: () => ReturnType<NonNullable<Facts['tickets']>>;
  /** Somebody came with a ticket of ours: burn it and make a friend of them, at once. */
  readonly redeem: (session: HandshakeSession, ticket: string) => Friend;
  /** A friend has proved to have another key than we knew; it has its new UID already. Remember it. */
  readonly succeeded: (friend: Friend, formerUid: Uid, session: HandshakeSession) => void;
  /** A friend proved the ticket that we hold: the secret can be forgotten. */
  readonly redeemed: (friend: Friend) => void;
  /** What we do as a relay, and through relays; all if left out. */
  readonly relay?: RelayPolicy;
  /** Milliseconds between attempts at a better provider; 30 s if left out. */
  readonly upgradeInterval?: number;
  /** Whether an address may be dialled now; all may if left out. */
  readonly mayDial?: (url: string) => boolean;
}

export interface CoreCounters {
  /** Packets of a type that no component claimed. */
  unclaimed: number;
  /** Sessions that were lost. */
  lost: number;
  /** Links that another session was made for because a policy had changed. */
  renewed: number;
  /** Friends that have come with another key. */
  succeeded: number;
}
