/**
 * Keys of the record layer: from a traffic secret to key and IV, and onward from
 * one epoch to the next.
 *
 * Read first: RFC 9147 (DTLS 1.3) sections 4.2.1 (epoch), 4.5.3 (AEAD limits)
 * and 8 (key updates); RFC 8446 section 7.2 (next traffic secret); RFC 9001
 * appendix B (how many packets a key may seal).
 *
 *     secret(0) ── next ──> secret(1) ── next ──> secret(2) …
 *        │                     │                     │
 *     key, iv               key, iv               key, iv
 *
 * The sender moves on alone. The receiver holds the keys of three epochs,
 * previous, current and next, and moves when an authentic record of `next`
 * arrives. Packet numbers go on across epochs and never start anew, so that one
 * replay window serves the session. A sender that moved twice while not one of
 * its records arrived would lose its receiver; liveness ends such a link within
 * seconds, long before a second update is due.
 *
 * Everything here is synchronous and pure. Memory: `key` and `iv` are views that
 * are wiped when their epoch ends; copy them at once (BatchedIo.setKey does).
 */

import { IV_LENGTH, KEY_LENGTH } from '../io/contract.ts';
import type { Hmac } from './handshake/crypto-suite.ts';
import { expandLabel } from './handshake/hkdf.ts';

const KEY_LABEL = 'kith record key v1';
const IV_LABEL = 'kith record iv v1';
const NEXT_LABEL = 'kith next secret v1';

/** Octets of a traffic secret. */
export const SECRET_LENGTH = 32;

/**
 * Packets after which a sender moves on; the protocol allows 2^32. With 2^26
 * packets of 9,216 octets AES-GCM stays below the 2^-57 of RFC 9001, B.1.1.
 */
export const UPDATE_PACKETS = 2 ** 26;

/** Milliseconds after which a sender moves on. */
export const UPDATE_AGE = 120_000;

/** Milliseconds for which the receiver keeps the previous epoch for late records. */
export const RETAIN_PREVIOUS = 10_000;

export interface RecordKey {
  /** KEY_LENGTH octets. */
  readonly key: Uint8Array;
  /** IV_LENGTH octets; the packet number is XORed into the last eight. */
  readonly iv: Uint8Array;
}

export function recordKey(hmac: Hmac, secret: Uint8Array): RecordKey {
  return {
    key: expandLabel(hmac, secret, KEY_LABEL, KEY_LENGTH),
    iv: expandLabel(hmac, secret, IV_LABEL, IV_LENGTH),
  };
}

/** The traffic secret of the next epoch. */
export function nextSecret(hmac: Hmac, secret: Uint8Array): Uint8Array {
  return expandLabel(hmac, secret, NEXT_LABEL, SECRET_LENGTH);
}

function wipeKey(key: RecordKey | undefined): void {
  key?.key.fill(0);
  key?.iv.fill(0);
}

/** The sender's half: the current epoch, and when it has to end. */
export class SendKeys {
  readonly #hmac: Hmac;
  #secret: Uint8Array;
  #current: RecordKey;
  #epoch = 0;
  #since: number;
  #numberHigh = 0;
  #numberLow: number;
  /** Packets left in this epoch. */
  #left = UPDATE_PACKETS;

  /**
   * @param secret traffic secret of epoch 0; copied
   * @param firstNumber the first packet number to use
   */
  constructor(hmac: Hmac, secret: Uint8Array, firstNumber: number, now: number) {
    this.#hmac = hmac;
    this.#secret = secret.slice();
    this.#current = recordKey(hmac, secret);
    this.#numberLow = firstNumber;
    this.#since = now;
  }

  get current(): RecordKey {
    return this.#current;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** The packet number that the next record takes. */
  get numberHigh(): number {
    return this.#numberHigh;
  }

  get numberLow(): number {
    return this.#numberLow;
  }

  /** Uses up the packet number. Call it once for each record sealed, after reading the number. */
  advance(): void {
    this.#left--;
    this.#numberLow = (this.#numberLow + 1) >>> 0;
    if (this.#numberLow === 0) this.#numberHigh++;
  }

  /** Whether `update` is due before `count` more records may be sealed. */
  isUpdateDue(now: number, count = 1): boolean {
    return this.#left < count || now - this.#since >= UPDATE_AGE;
  }

  /** Moves to the next epoch and wipes the old one. */
  update(now: number): void {
    const secret = nextSecret(this.#hmac, this.#secret);
    this.#secret.fill(0);
    wipeKey(this.#current);
    this.#secret = secret;
    this.#current = recordKey(this.#hmac, secret);
    this.#epoch++;
    this.#since = now;
    this.#left = UPDATE_PACKETS;
  }

  /** Forgets everything; nothing may be called afterwards. */
  wipe(): void {
    this.#secret.fill(0);
    wipeKey(this.#current);
  }
}

/** Which of the receiver's keys a record's epoch octet names. */
export const EpochPosition = { none: 0, previous: 1, current: 2, next: 3 } as const;
export type EpochPosition = (typeof EpochPosition)[keyof typeof EpochPosition];

/** The receiver's half: previous, current and next epoch. */
export class ReceiveKeys {
  readonly #hmac: Hmac;
  /** The secret of `next`; earlier ones are gone. */
  #nextSecret: Uint8Array;
  #previous: RecordKey | undefined;
  #current: RecordKey;
  #next: RecordKey;
  #epoch = 0;
  #previousUntil = Number.POSITIVE_INFINITY;

  /** @param secret traffic secret of epoch 0; read only during the call */
  constructor(hmac: Hmac, secret: Uint8Array) {
    this.#hmac = hmac;
    this.#current = recordKey(hmac, secret);
    this.#nextSecret = nextSecret(hmac, secret);
    this.#next = recordKey(hmac, this.#nextSecret);
  }

  get previous(): RecordKey | undefined {
    return this.#previous;
  }

  get current(): RecordKey {
    return this.#current;
  }

  get next(): RecordKey {
    return this.#next;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** When `expire` has something to do; infinite if nothing is kept. */
  get deadline(): number {
    return this.#previousUntil;
  }

  /** Finds the epoch that the octet in a record's header stands for. Changes nothing. */
  position(epochOctet: number): EpochPosition {
    switch ((epochOctet - this.#epoch) & 0xff) {
      case 0:
        return EpochPosition.current;
      case 1:
        return EpochPosition.next;
      case 0xff:
        return this.#previous === undefined ? EpochPosition.none : EpochPosition.previous;
      default:
        return EpochPosition.none;
    }
  }

  /** Call when a record of `next` has proved authentic, never before: `next` becomes `current`. */
  advance(now: number): void {
    wipeKey(this.#previous);
    this.#previous = this.#current;
    this.#previousUntil = now + RETAIN_PREVIOUS;
    this.#current = this.#next;
    this.#epoch++;
    const secret = nextSecret(this.#hmac, this.#nextSecret);
    this.#nextSecret.fill(0);
    this.#nextSecret = secret;
    this.#next = recordKey(this.#hmac, secret);
  }

  /** Wipes the previous epoch when its time is over. @returns whether it did */
  expire(now: number): boolean {
    if (now < this.#previousUntil) return false;
    wipeKey(this.#previous);
    this.#previous = undefined;
    this.#previousUntil = Number.POSITIVE_INFINITY;
    return true;
  }

  /** Forgets everything; nothing may be called afterwards. */
  wipe(): void {
    wipeKey(this.#previous);
    wipeKey(this.#current);
    wipeKey(this.#next);
    this.#nextSecret.fill(0);
    this.#previous = undefined;
  }
}
