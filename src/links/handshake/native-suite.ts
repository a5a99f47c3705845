/**
 * The crypto suite of our addon: the same OpenSSL as node-suite.ts, given raw octets.
 * What handshakes of a running node use; docs/decisions/0014-handshake-cost.md has the figures.
 *
 * Signing, which happens when an identity is made, is left to node:crypto.
 */

import { TAG_LENGTH } from '../../io/contract.ts';
import { type NativeHandshake, nativeBinding } from '../../io/native-binding.ts';
import { type CryptoSuite, DH_LENGTH, HASH_LENGTH } from './crypto-suite.ts';
import { nodeSuite } from './node-suite.ts';

/**
 * The suite over the addon's functions.
 * @throws KithError 'native' when the addon is missing or of another version
 */
export function nativeSuite(native: NativeHandshake = nativeBinding()): CryptoSuite {
  return {
    name: 'native',

    keyPair(privateKey) {
      const publicKey = new Uint8Array(DH_LENGTH);
      must(native.x25519Public(privateKey, publicKey));
      return { privateKey: Uint8Array.from(privateKey), publicKey };
    },

    dh(own, publicKey) {
      const shared = new Uint8Array(DH_LENGTH);
      const done = native.x25519(own.privateKey, own.publicKey, publicKey, shared);
      return done === 1 ? shared : undefined;
    },

    hash(data) {
      const hash = new Uint8Array(HASH_LENGTH);
      must(native.sha256(data, hash));
      return hash;
    },

    hmac(key, data) {
      const code = new Uint8Array(HASH_LENGTH);
      must(native.hmacSha256(key, data, code));
      return code;
    },

    seal(cipher, key, nonce, additional, plaintext) {
      const sealed = new Uint8Array(plaintext.length + TAG_LENGTH);
      must(native.sealOnce(cipher, key, nonce, additional, plaintext, sealed));
      return sealed;
    },

    open(cipher, key, nonce, additional, ciphertext) {
      if (ciphertext.length < TAG_LENGTH) return undefined;
      const plaintext = new Uint8Array(ciphertext.length - TAG_LENGTH);
      const done = native.openOnce(cipher, key, nonce, additional, ciphertext, plaintext);
      return done === 1 ? plaintext : undefined;
    },

    signingKey: nodeSuite.signingKey,
    sign: nodeSuite.sign,

    verify: (publicKey, message, signature) =>
      native.verifyEd25519(publicKey, message, signature) === 1,

    equal: nodeSuite.equal,
  };
}

/** These fail for want of memory alone, and a wrong result must not be used. */
function must(done: number): void {
  if (done !== 1) throw new Error('OpenSSL has failed; the machine may be out of memory');
}
