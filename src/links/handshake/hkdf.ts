/**
 * Key derivation: HKDF with SHA-256 over an injected HMAC.
 *
 * Read first: RFC 5869 sections 2.2 and 2.3; Noise revision 34 section 4.3,
 * whose HKDF is the same with an empty info.
 */

import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { HASH_LENGTH, type Hmac } from './crypto-suite.ts';

/** HKDF-Extract. */
export function extract(hmac: Hmac, salt: Uint8Array, inputKey: Uint8Array): Uint8Array {
  return hmac(salt, inputKey);
}

/**
 * HKDF-Expand.
 * @param length octets wanted, at most 255 * 32
 */
export function expand(
  hmac: Hmac,
  pseudorandomKey: Uint8Array,
  info: Uint8Array,
  length: number,
): Uint8Array {
  const out = new Uint8Array(length);
  let block = new Uint8Array(0);
  for (let counter = 1, offset = 0; offset < length; counter++, offset += HASH_LENGTH) {
    block = Uint8Array.from(
      hmac(pseudorandomKey, concatBytes(block, info, Uint8Array.of(counter))),
    );
    out.set(block.subarray(0, length - offset), offset);
  }
  block.fill(0);
  return out;
}

/** HKDF-Expand with a label of ours as info; the label names its use and version. */
export function expandLabel(
  hmac: Hmac,
  secret: Uint8Array,
  label: string,
  length: number,
): Uint8Array {
  return expand(hmac, secret, utf8ToBytes(label), length);
}
