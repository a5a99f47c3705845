/**
 * The cryptography that the handshake and the record layer are written against.
 *
 * Read first: Noise Protocol Framework, revision 34, section 4 ("Crypto
 * functions"); RFC 7748 (X25519), RFC 8032 (Ed25519), RFC 8439 (ChaCha20 and
 * Poly1305), RFC 2104 (HMAC).
 *
 * Three implementations answer to it: `noble-suite.ts`, readable from end to end;
 * `node-suite.ts` on node:crypto; and `native-suite.ts` on our addon, which does a
 * running node's handshakes. The tests hold them equal.
 *
 * Nothing here draws randomness: private keys are arguments. Arguments are only
 * read during the call, results are the caller's. Octets that a peer chose never
 * make a function throw: the answer is `undefined` or `false`. A key or a nonce
 * of the wrong length is the caller's mistake and may throw.
 */

import type { CipherId } from '../../io/contract.ts';

/** Octets of an X25519 key, private or public, and of a shared secret (DHLEN). */
export const DH_LENGTH = 32;
/** Octets of a SHA-256 hash (HASHLEN). */
export const HASH_LENGTH = 32;
/** Octets of an Ed25519 public key. */
export const SIGNING_KEY_LENGTH = 32;
/** Octets of an Ed25519 signature. */
export const SIGNATURE_LENGTH = 64;

/** Gives `length` unpredictable octets in memory of their own. */
export type Random = (length: number) => Uint8Array;

/** HMAC-SHA-256. */
export type Hmac = (key: Uint8Array, data: Uint8Array) => Uint8Array;

/** An X25519 key pair. */
export interface KeyPair {
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
}

export interface CryptoSuite {
  /** A word for the log. */
  readonly name: string;
  /** The key pair of 32 random octets. */
  keyPair(privateKey: Uint8Array): KeyPair;
  /**
   * Diffie-Hellman of a pair that `keyPair` made and a public key.
   * @returns undefined when the result is all zero, as a point of low order makes it
   */
  dh(own: KeyPair, publicKey: Uint8Array): Uint8Array | undefined;
  /** SHA-256. */
  hash(data: Uint8Array): Uint8Array;
  readonly hmac: Hmac;
  /** Encrypts under a 12-octet nonce. @returns ciphertext and 16-octet tag */
  seal(
    cipher: CipherId,
    key: Uint8Array,
    nonce: Uint8Array,
    additional: Uint8Array,
    plaintext: Uint8Array,
  ): Uint8Array;
  /** Undoes `seal`. @returns undefined when the tag does not hold */
  open(
    cipher: CipherId,
    key: Uint8Array,
    nonce: Uint8Array,
    additional: Uint8Array,
    ciphertext: Uint8Array,
  ): Uint8Array | undefined;
  /** The Ed25519 public key of a 32-octet seed. */
  signingKey(seed: Uint8Array): Uint8Array;
  sign(seed: Uint8Array, message: Uint8Array): Uint8Array;
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  /** Compares in a time that depends on the lengths only. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
}
