/**
 * Stateless cookies: proof that an initiator gets what is sent to its address.
 *
 * Read first: RFC 9147 section 5.1 (HelloRetryRequest cookie); RFC 6347 section
 * 4.2.1. The form is ours:
 *
 *     cookie = HMAC-SHA-256(secret, context || length of address || address || e), first 16 octets
 *
 * The secret changes every 120 s and its predecessor is honoured for one period
 * more, so a cookie is good for two to four minutes, for one address and for one
 * ephemeral key. Nothing is stored per initiator.
 */

import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { type CryptoSuite, HASH_LENGTH, type Random } from './crypto-suite.ts';
import { COOKIE_LENGTH } from './handshake-message.ts';

/** Milliseconds after which the secret is replaced. */
export const COOKIE_PERIOD = 120_000;

const COOKIE_CONTEXT = utf8ToBytes('kith cookie v1');

export class CookieSecrets {
  readonly #suite: CryptoSuite;
  readonly #random: Random;
  #current: Uint8Array;
  #previous: Uint8Array;
  #since: number;

  constructor(suite: CryptoSuite, random: Random, now: number) {
    this.#suite = suite;
    this.#random = random;
    this.#current = random(HASH_LENGTH);
    this.#previous = random(HASH_LENGTH);
    this.#since = now;
  }

  /** The cookie for an address (up to 255 octets in any fixed form) and an ephemeral key. */
  make(address: Uint8Array, ephemeral: Uint8Array, now: number): Uint8Array {
    this.#rotate(now);
    return this.#mac(this.#current, address, ephemeral);
  }

  check(address: Uint8Array, ephemeral: Uint8Array, cookie: Uint8Array, now: number): boolean {
    this.#rotate(now);
    const { equal } = this.#suite;
    return (
      equal(cookie, this.#mac(this.#current, address, ephemeral)) ||
      equal(cookie, this.#mac(this.#previous, address, ephemeral))
    );
  }

  #rotate(now: number): void {
    const periods = Math.floor((now - this.#since) / COOKIE_PERIOD);
    if (periods <= 0) return;
    this.#previous.fill(0);
    this.#previous = periods === 1 ? this.#current : this.#random(HASH_LENGTH);
    this.#current = this.#random(HASH_LENGTH);
    this.#since += periods * COOKIE_PERIOD;
  }

  #mac(secret: Uint8Array, address: Uint8Array, ephemeral: Uint8Array): Uint8Array {
    const length = Uint8Array.of(address.length);
    const input = concatBytes(COOKIE_CONTEXT, length, address, ephemeral);
    return this.#suite.hmac(secret, input).subarray(0, COOKIE_LENGTH);
  }
}
