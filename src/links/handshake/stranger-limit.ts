/**
 * What of handshakes gets from the data plane to the main thread: how often strangers may
 * wake it. It stands where datagrams are read, so that what is refused costs next to nothing.
 *
 * Read first: docs/protocol/link.md, "Under load"; handshake-gate.ts, which follows it.
 *
 *     datagram outside a session ── not of a legal form ────────────> malformed
 *        │
 *        ├── from an address that we have a session with, or dial ──> its rate
 *        ├── message 1 of another version ──────────────────────────> its rate
 *        ├── message 1 with a cookie ───────────────────────────────> its rate
 *        ├── message 1 without ─────────────────────────────────────> its rate
 *        ├── any other, from an address that we have answered ──────> its rate
 *        └── any other ─────────────────────────────────────────────> its rate
 *
 * These kinds share nothing, so that none can starve another. In each kind a network
 * (IPv4 /24, IPv6 /56) has its own rate, so that a flood from some of them leaves room for
 * others; of friends' addresses, each has. A cookie is not checked here: it only chooses the kind.
 *
 * A flood with forged addresses of everywhere fills a kind all the same. Therefore addresses
 * are known (IPv4 whole, IPv6 /64; ports do not count): those of sessions and for an hour
 * after, those that we dial, and, for anything but first messages, those that we have
 * answered. A friend that comes back, and whoever is in the middle of a handshake, gets through.
 *
 * Networks lie in cells by a seeded hash. Nothing allocates.
 */

import { isMapped } from '../../io/address.ts';
import { LinkMessageType, readType } from '../link-message.ts';
import {
  hasInitCookie,
  INIT_LENGTH,
  MAX_HANDSHAKE_LENGTH,
  PROTOCOL_VERSION,
  readInitVersion,
} from './handshake-message.ts';
import { HANDSHAKE_TIMEOUT } from './handshake-options.ts';
import { KnownAddresses } from './known-addresses.ts';
import { RateCells } from './rate-cells.ts';

/** Milliseconds for which the address of a session stays known after the session. */
export const KNOWN_AFTER_SESSION = 3_600_000;
/** Milliseconds for which an address stays known that was sent a handshake message. */
export const KNOWN_AFTER_MESSAGE = HANDSHAKE_TIMEOUT;

/** Messages a second and as many at once, of all together, and of one network or address. */
export const STRANGER_RATES = {
  friend: { all: 1000, burst: 200, each: 50, eachBurst: 100 },
  /** They are refused by name, and that is all they are for. */
  otherVersion: { all: 20, burst: 20, each: 4, eachBurst: 4 },
  withCookie: { all: 400, burst: 100, each: 8, eachBurst: 32 },
  /** Each may cost us the making of a cookie. */
  first: { all: 1000, burst: 100, each: 8, eachBurst: 32 },
  answered: { all: 400, burst: 100, each: 8, eachBurst: 32 },
  other: { all: 200, burst: 100, each: 8, eachBurst: 32 },
} as const;

/** Cells of networks, a power of 2. */
const CELLS = 4096;
/** Places of friends' addresses and of answered ones, a power of 2. */
const PLACES = 4096;

/** Offsets in an address of io/address.ts. */
const IPV4_OFFSET = 12;
const IPV4_LENGTH = 4;
const IPV4_NETWORK_LENGTH = 3;
const IPV6_HOST_LENGTH = 8;
const IPV6_NETWORK_LENGTH = 7;

/** The rates of one kind. */
class Kind {
  readonly #all: RateCells;
  readonly #each: RateCells;

  constructor({
    all,
    burst,
    each,
    eachBurst,
  }: Record<'all' | 'burst' | 'each' | 'eachBurst', number>) {
    this.#all = new RateCells(1, all, burst);
    this.#each = new RateCells(CELLS, each, eachBurst);
  }

  take(hash: number, now: number): boolean {
    return this.#each.take(hash & (CELLS - 1), now) && this.#all.take(0, now);
  }
}

/** What did not pass. */
export interface StrangerDrops {
  handshakeMalformed: number;
  /** First messages without a cookie, with one, and of another version. */
  firstLimited: number;
  firstWithCookieLimited: number;
  otherVersionLimited: number;
  /** Handshake messages that are no first ones. */
  handshakeLimited: number;
  /** Messages of any kind from friends' addresses. */
  friendLimited: number;
}

export class StrangerLimit {
  readonly drops: StrangerDrops = {
    handshakeMalformed: 0,
    firstLimited: 0,
    firstWithCookieLimited: 0,
    otherVersionLimited: 0,
    handshakeLimited: 0,
    friendLimited: 0,
  };
  readonly #seed: number;
  readonly #friend = new Kind(STRANGER_RATES.friend);
  readonly #otherVersion = new Kind(STRANGER_RATES.otherVersion);
  readonly #withCookie = new Kind(STRANGER_RATES.withCookie);
  readonly #first = new Kind(STRANGER_RATES.first);
  readonly #answered = new Kind(STRANGER_RATES.answered);
  readonly #other = new Kind(STRANGER_RATES.other);
  readonly #friendAddresses = new KnownAddresses(PLACES);
  readonly #answeredAddresses = new KnownAddresses(PLACES);

  /** @param seed unpredictable, so that nobody can aim at the cell of another */
  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  /**
   * Decides on a link message outside of any session, a whole datagram whose length is that
   * of its header, and counts it if it does not pass. It may be any record of number 0, too.
   * @param address where in `bytes` the 24 octets of its sender are
   */
  admit(bytes: Uint8Array, address: number, offset: number, length: number, now: number): boolean {
    const { drops } = this;
    const type = readType(bytes, offset);
    const first = type === LinkMessageType.handshakeInit;
    const record = type === LinkMessageType.sealedRecord;
    if (first ? length !== INIT_LENGTH : !record && length > MAX_HANDSHAKE_LENGTH) {
      drops.handshakeMalformed++;
      return false;
    }
    const host = this.#hostHash(bytes, address);
    if (this.#friendAddresses.has(host, now)) {
      if (this.#friend.take(host, now)) return true;
      drops.friendLimited++;
      return false;
    }
    const network = this.#networkHash(bytes, address);
    if (!first) {
      const kind = this.#answeredAddresses.has(host, now) ? this.#answered : this.#other;
      if (kind.take(network, now)) return true;
      drops.handshakeLimited++;
    } else if (readInitVersion(bytes, offset) !== PROTOCOL_VERSION) {
      if (this.#otherVersion.take(network, now)) return true;
      drops.otherVersionLimited++;
    } else if (hasInitCookie(bytes, offset)) {
      if (this.#withCookie.take(network, now)) return true;
      drops.firstWithCookieLimited++;
    } else {
      if (this.#first.take(network, now)) return true;
      drops.firstLimited++;
    }
    return false;
  }

  /** The address at `address` is one of a session. */
  hasSession(bytes: Uint8Array, address: number, now: number): void {
    this.#friendAddresses.know(this.#hostHash(bytes, address), now + KNOWN_AFTER_SESSION, now);
  }

  /** `message` goes to the address at `address`. */
  sent(bytes: Uint8Array, address: number, message: Uint8Array, now: number): void {
    const host = this.#hostHash(bytes, address);
    const until = now + KNOWN_AFTER_MESSAGE;
    switch (readType(message, 0)) {
      case LinkMessageType.handshakeInit:
        this.#friendAddresses.know(host, until, now);
        return;
      case LinkMessageType.handshakeResponse:
        this.#answeredAddresses.know(host, until, now);
        return;
      default: // cookies and refusals go to whoever asks, be it with a forged address
    }
  }

  #hostHash(bytes: Uint8Array, address: number): number {
    return isMapped(bytes, address)
      ? this.#hash(bytes, address + IPV4_OFFSET, IPV4_LENGTH)
      : this.#hash(bytes, address, IPV6_HOST_LENGTH);
  }

  #networkHash(bytes: Uint8Array, address: number): number {
    return isMapped(bytes, address)
      ? this.#hash(bytes, address + IPV4_OFFSET, IPV4_NETWORK_LENGTH)
      : this.#hash(bytes, address, IPV6_NETWORK_LENGTH);
  }

  /** 32 bits; FNV-1a from the seed on, and the end of MurmurHash3 to spread them. */
  #hash(bytes: Uint8Array, from: number, length: number): number {
    let hash = this.#seed ^ length;
    for (let i = 0; i < length; i++) hash = Math.imul(hash ^ bytes[from + i], 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return hash ^ (hash >>> 16);
  }
}
