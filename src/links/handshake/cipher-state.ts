/**
 * CipherState of Noise: a key and a counter.
 *
 * Read first: Noise revision 34, sections 5.1 and 12.3 (the nonce of ChaChaPoly:
 * 32 bits of zeros, then n as 64 bits in little-endian order).
 */

import { CipherId, IV_LENGTH } from '../../io/contract.ts';
import type { CryptoSuite } from './crypto-suite.ts';

const NONCE_COUNTER_OFFSET = 4;

/** Noise allows 2^64 - 2; a handshake needs three, and a number is exact up to here. */
const MAX_NONCE = 0xffffffff;

export class CipherState {
  readonly #suite: CryptoSuite;
  #key: Uint8Array | undefined;
  #nonce = 0;

  constructor(suite: CryptoSuite, key?: Uint8Array) {
    this.#suite = suite;
    this.#key = key;
  }

  /** InitializeKey: takes the key over (it is wiped with this state) and begins at nonce 0. */
  initializeKey(key: Uint8Array): void {
    this.wipe();
    this.#key = key;
    this.#nonce = 0;
  }

  hasKey(): boolean {
    return this.#key !== undefined;
  }

  /** EncryptWithAd. Without a key the plaintext is the result. */
  encryptWithAd(additional: Uint8Array, plaintext: Uint8Array): Uint8Array {
    if (this.#key === undefined) return plaintext;
    const { chacha20poly1305 } = CipherId;
    return this.#suite.seal(chacha20poly1305, this.#key, this.#nextNonce(), additional, plaintext);
  }

  /** DecryptWithAd. @returns undefined when the tag does not hold */
  decryptWithAd(additional: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
    if (this.#key === undefined) return ciphertext;
    const { chacha20poly1305 } = CipherId;
    return this.#suite.open(chacha20poly1305, this.#key, this.#nextNonce(), additional, ciphertext);
  }

  clone(): CipherState {
    const copy = new CipherState(this.#suite, this.#key?.slice());
    copy.#nonce = this.#nonce;
    return copy;
  }

  wipe(): void {
    this.#key?.fill(0);
    this.#key = undefined;
  }

  #nextNonce(): Uint8Array {
    if (this.#nonce >= MAX_NONCE) throw new RangeError('a Noise key is used up');
    const nonce = new Uint8Array(IV_LENGTH);
    new DataView(nonce.buffer).setUint32(NONCE_COUNTER_OFFSET, this.#nonce++, true);
    return nonce;
  }
}
