/**
 * SymmetricState of Noise: the chaining key and the transcript hash.
 *
 * Read first: Noise revision 34, section 5.2.
 */

import { concatBytes } from '@noble/hashes/utils.js';
import { CipherState } from './cipher-state.ts';
import { type CryptoSuite, HASH_LENGTH } from './crypto-suite.ts';
import { expand, extract } from './hkdf.ts';

const NO_INFO = new Uint8Array(0);

export class SymmetricState {
  readonly #suite: CryptoSuite;
  #cipher: CipherState;
  #chainingKey: Uint8Array;
  #hash: Uint8Array;

  /** InitializeSymmetric. A name of at most HASHLEN octets is padded with zeros, a longer one hashed. */
  constructor(suite: CryptoSuite, protocolName: Uint8Array) {
    this.#suite = suite;
    this.#cipher = new CipherState(suite);
    if (protocolName.length <= HASH_LENGTH) {
      this.#hash = new Uint8Array(HASH_LENGTH);
      this.#hash.set(protocolName);
    } else {
      this.#hash = suite.hash(protocolName);
    }
    this.#chainingKey = this.#hash.slice();
  }

  /** h: everything said so far. A view; it is replaced, never altered. */
  get hash(): Uint8Array {
    return this.#hash;
  }

  hasKey(): boolean {
    return this.#cipher.hasKey();
  }

  mixKey(inputKey: Uint8Array): void {
    const [chainingKey, key] = this.#hkdf(inputKey);
    this.#chainingKey.fill(0);
    this.#chainingKey = chainingKey;
    this.#cipher.initializeKey(key);
  }

  mixHash(data: Uint8Array): void {
    this.#hash = this.#suite.hash(concatBytes(this.#hash, data));
  }

  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const ciphertext = this.#cipher.encryptWithAd(this.#hash, plaintext);
    this.mixHash(ciphertext);
    return ciphertext;
  }

  /** @returns undefined when the tag does not hold; the state is then good for nothing */
  decryptAndHash(ciphertext: Uint8Array): Uint8Array | undefined {
    const plaintext = this.#cipher.decryptWithAd(this.#hash, ciphertext);
    if (plaintext !== undefined) this.mixHash(ciphertext);
    return plaintext;
  }

  /** Split: the keys of the two directions, initiator to responder first. */
  split(): [Uint8Array, Uint8Array] {
    return this.#hkdf(new Uint8Array(0));
  }

  clone(): SymmetricState {
    const copy = new SymmetricState(this.#suite, new Uint8Array(0));
    copy.#cipher = this.#cipher.clone();
    copy.#chainingKey = this.#chainingKey.slice();
    copy.#hash = this.#hash;
    return copy;
  }

  wipe(): void {
    this.#cipher.wipe();
    this.#chainingKey.fill(0);
  }

  /** HKDF of Noise with two outputs. */
  #hkdf(inputKey: Uint8Array): [Uint8Array, Uint8Array] {
    const { hmac } = this.#suite;
    const temporary = extract(hmac, this.#chainingKey, inputKey);
    const both = expand(hmac, temporary, NO_INFO, 2 * HASH_LENGTH);
    temporary.fill(0);
    const outputs: [Uint8Array, Uint8Array] = [both.slice(0, HASH_LENGTH), both.slice(HASH_LENGTH)];
    both.fill(0);
    return outputs;
  }
}
