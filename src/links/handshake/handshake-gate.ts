/**
 * The gate in front of responders: how much work strangers can cause.
 *
 * Read first: docs/protocol/link.md, "Under load"; RFC 9147 section 5.1.
 *
 *     message 1 ── malformed ───────────────────────────────> drop
 *        │
 *        ├── the open bucket has a token ───────────────────> accept
 *        ├── no, and it has no good cookie
 *        │      ├── the demand bucket has a token ──────────> demand-cookie
 *        │      └── else ───────────────────────────────────> drop
 *        └── it has a good cookie
 *               ├── its address or the node is over its rate > drop
 *               └── else ───────────────────────────────────> accept
 *
 * The open bucket is what anybody may use, with a forged address too: 20
 * handshakes a second. Once it is empty only addresses that have proved
 * themselves get on, each at its own rate, together at a higher one. A forged
 * address thus never uses up the rate of its true owner. A demand costs one HMAC
 * and no memory, and there are 2,000 a second at most. Datagrams have passed
 * stranger-limit.ts, which lets half of that through and sees to who gets it. Streams have proved their address and need no gate but the rate:
 * tell it so.
 */

import { bytesToHex } from '@noble/hashes/utils.js';
import type { CookieSecrets } from './cookie.ts';
import { emitCookieReply, hasInitCookie, parseInit } from './handshake-message.ts';

export interface GateOptions {
  /** Handshakes a second without a cookie, and as many at once. */
  readonly openRate?: number;
  /** Cookies demanded in a second. */
  readonly demandRate?: number;
  /** Handshakes a second with a cookie from all addresses together. */
  readonly provenRate?: number;
  /** Handshakes a second with a cookie from one address (IPv6: one /64). */
  readonly addressRate?: number;
  /** Addresses remembered at a time. */
  readonly addresses?: number;
}

export type GateDecision =
  | { readonly action: 'accept' }
  /** Send `reply` to the address; it is shorter than the message. */
  | { readonly action: 'demand-cookie'; readonly reply: Uint8Array }
  | { readonly action: 'drop'; readonly reason: 'malformed' | 'rate' };

const DEFAULTS = {
  openRate: 20,
  demandRate: 2000,
  provenRate: 100,
  addressRate: 4,
  addresses: 4096,
} as const;

const SECOND = 1_000;
/** The address form of io/contract.ts begins with an IPv6 or IPv4-mapped address. */
const IPV6_LENGTH = 16;
const IPV6_NETWORK_LENGTH = 8;
const MAPPED_PREFIX = '00000000000000000000ffff';

/** As many tokens as the rate gives in a second at most. */
class TokenBucket {
  readonly #rate: number;
  #tokens: number;
  #at: number;

  constructor(rate: number, now: number) {
    this.#rate = rate;
    this.#tokens = rate;
    this.#at = now;
  }

  take(now: number): boolean {
    const gained = (Math.max(now - this.#at, 0) * this.#rate) / SECOND;
    this.#tokens = Math.min(this.#tokens + gained, this.#rate);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}

export class HandshakeGate {
  readonly #cookies: CookieSecrets;
  readonly #options: Required<GateOptions>;
  readonly #open: TokenBucket;
  readonly #demands: TokenBucket;
  readonly #proven: TokenBucket;
  /** In order of last use, so that the longest unused is forgotten first. */
  readonly #addresses = new Map<string, TokenBucket>();

  constructor(cookies: CookieSecrets, now: number, options: GateOptions = {}) {
    this.#cookies = cookies;
    this.#options = { ...DEFAULTS, ...options };
    this.#open = new TokenBucket(this.#options.openRate, now);
    this.#demands = new TokenBucket(this.#options.demandRate, now);
    this.#proven = new TokenBucket(this.#options.provenRate, now);
  }

  /**
   * Decides on a whole handshakeInit for which there is no machine yet.
   * @param address where it came from, as io/contract.ts writes addresses, or
   *   fewer octets in any fixed form
   * @param proven whether the carrier has proved the address already, as a stream has
   */
  decide(address: Uint8Array, init: Uint8Array, now: number, proven = false): GateDecision {
    const parsed = parseInit(init);
    if (parsed === undefined) return { action: 'drop', reason: 'malformed' };
    if (this.#open.take(now)) return { action: 'accept' };
    const { sender, ephemeral, cookie } = parsed;
    // Zeros stand for none: nobody need compute what they cannot be.
    if (
      !proven &&
      !(hasInitCookie(init, 0) && this.#cookies.check(address, ephemeral, cookie, now))
    ) {
      if (!this.#demands.take(now)) return { action: 'drop', reason: 'rate' };
      const fresh = this.#cookies.make(address, ephemeral, now);
      const reply = emitCookieReply({ receiver: sender, ephemeral, cookie: fresh });
      return { action: 'demand-cookie', reply };
    }
    if (!this.#takeFrom(address, now) || !this.#proven.take(now)) {
      return { action: 'drop', reason: 'rate' };
    }
    return { action: 'accept' };
  }

  #takeFrom(address: Uint8Array, now: number): boolean {
    const name = networkOf(address);
    const bucket = this.#addresses.get(name) ?? new TokenBucket(this.#options.addressRate, now);
    this.#addresses.delete(name);
    this.#addresses.set(name, bucket);
    if (this.#addresses.size > this.#options.addresses) {
      for (const oldest of this.#addresses.keys()) {
        this.#addresses.delete(oldest);
        break;
      }
    }
    return bucket.take(now);
  }
}

/** One IPv4 address, one IPv6 /64, or all octets of anything shorter; ports do not count. */
function networkOf(address: Uint8Array): string {
  const name = bytesToHex(address.subarray(0, IPV6_LENGTH));
  if (address.length < IPV6_LENGTH || name.startsWith(MAPPED_PREFIX)) return name;
  return bytesToHex(address.subarray(0, IPV6_NETWORK_LENGTH));
}
