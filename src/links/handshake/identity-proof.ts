/**
 * Who a node is: an Ed25519 key, the UID made from it, and the signature that
 * binds the X25519 static key of the handshake to it.
 *
 * Read first: docs/protocol/link.md, "Identity"; IPOP's 20-byte UID.
 */

import { bytesToHex, concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import type { CryptoSuite, KeyPair } from './crypto-suite.ts';
import type { SuccessionLink } from './succession.ts';

declare const uidBrand: unique symbol;

/** 40 lower-case hex digits: the first 20 octets of SHA-256 of the Ed25519 public key. */
export type Uid = string & { readonly [uidBrand]: true };

/** Octets of a UID before it is printed. */
export const UID_LENGTH = 20;

const STATIC_KEY_CONTEXT = utf8ToBytes('kith static key v1');

/** What the handshake needs of a node's identity; the Ed25519 seed is not among it. */
export interface HandshakeIdentity {
  /** Ed25519 public key, 32 octets. */
  readonly publicKey: Uint8Array;
  /** X25519 pair; the handshake reads it and never wipes it. */
  readonly staticKey: KeyPair;
  /** `proveStaticKey` of the two, 64 octets. */
  readonly proof: Uint8Array;
  /** The node's former keys, oldest first. */
  readonly successions?: readonly SuccessionLink[];
}

export function uidOf(suite: CryptoSuite, publicKey: Uint8Array): Uid {
  return bytesToHex(suite.hash(publicKey).subarray(0, UID_LENGTH)) as Uid;
}

/** Signs the X25519 public key with the Ed25519 seed. */
export function proveStaticKey(
  suite: CryptoSuite,
  seed: Uint8Array,
  staticPublicKey: Uint8Array,
): Uint8Array {
  return suite.sign(seed, concatBytes(STATIC_KEY_CONTEXT, staticPublicKey));
}

/** Whether the holder of the Ed25519 key `publicKey` vouches for the X25519 key. */
export function checkStaticKey(
  suite: CryptoSuite,
  publicKey: Uint8Array,
  staticPublicKey: Uint8Array,
  proof: Uint8Array,
): boolean {
  return suite.verify(publicKey, concatBytes(STATIC_KEY_CONTEXT, staticPublicKey), proof);
}
