/** The F2F core of a node: what it tells of the node, and whom it asks. */
import { randomBytes } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import type { Logger } from 'pino';
import { monotonicClock } from '../clock.ts';
import type { DataPlane } from '../data-plane/data-plane.ts';
import { F2FCore } from '../f2f/core.ts';
import type { ProviderFactory } from '../links/contract.ts';
import { CookieSecrets } from '../links/handshake/cookie.ts';
import { nativeSuite } from '../links/handshake/native-suite.ts';
import { FEATURE_SUPER_FRAMES } from '../links/super-frame.ts';
import { measureCiphers } from './cipher-speed.ts';
import type { KithConfig } from './config.ts';
import type { FriendBook } from './friend-book.ts';
import type { GroupBook } from './group-book.ts';
import type { Interfaces, OwnAddresses } from './own-addresses.ts';
import type { OwnIdentity } from './own-identity.ts';
import { leadsOverUs } from './underlay.ts';

export interface NodeCoreOptions {
  readonly config: KithConfig;
  readonly log: Logger;
  readonly dataPlane: DataPlane;
  readonly providers: readonly ProviderFactory[];
  readonly identity: OwnIdentity;
  readonly book: FriendBook;
  readonly groups: GroupBook;
  /** URLs to give to friends. */
  readonly addresses: () => OwnAddresses;
  /** Of these interfaces those that are not on our own switch. */
  readonly underlay: (interfaces: Interfaces) => Interfaces;
}

export function nodeCore(options: NodeCoreOptions): F2FCore {
  const { addresses, book, config, groups, identity, log, dataPlane, providers } = options;
  const random = (length: number): Uint8Array => Uint8Array.from(randomBytes(length));
  const suite = nativeSuite();
  const ciphers = measureCiphers(config.link.ciphers);
  return new F2FCore({
    clock: monotonicClock,
    random,
    cookies: new CookieSecrets(suite, random, monotonicClock.now()),
    log,
    dataPlane,
    providers,
    facts: () => {
      const { everywhere, local } = addresses();
      return {
        suite,
        random,
        identity: identity.current,
        name: config.name,
        features: FEATURE_SUPER_FRAMES,
        largestFrame: config.link.maxFrame,
        ciphers,
        groups: groups.groups,
        floor: groups.floor,
        addresses: everywhere,
        localAddresses: local,
      };
    },
    tickets: () => book.openTickets(),
    redeem: (session, ticket) => book.redeem(session, ticket),
    succeeded: (friend, formerUid, session) => book.succeeded(friend, formerUid, session),
    redeemed: () => book.redeemed(),
    relay: { serve: config.link.relay, use: config.link.useRelays },
    mayDial: (url) => {
      const interfaces = networkInterfaces();
      return !leadsOverUs(url, interfaces, options.underlay(interfaces));
    },
  });
}
