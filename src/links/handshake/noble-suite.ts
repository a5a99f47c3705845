/**
 * The crypto suite on @noble: slower, but TypeScript all the way down. It is the
 * reference that the other suites are held against.
 */

import { gcm } from '@noble/ciphers/aes.js';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { CipherId } from '../../io/contract.ts';
import type { CryptoSuite } from './crypto-suite.ts';

function aead(cipher: CipherId, key: Uint8Array, nonce: Uint8Array, additional: Uint8Array) {
  return cipher === CipherId.aes256gcm
    ? gcm(key, nonce, additional)
    : chacha20poly1305(key, nonce, additional);
}

export const nobleSuite: CryptoSuite = {
  name: 'noble',

  keyPair: (privateKey) => ({
    privateKey: privateKey.slice(),
    publicKey: x25519.getPublicKey(privateKey),
  }),

  dh({ privateKey }, publicKey) {
    try {
      return x25519.getSharedSecret(privateKey, publicKey);
    } catch {
      return undefined; // an all-zero result
    }
  },

  hash: (data) => sha256(data),

  hmac: (key, data) => hmac(sha256, key, data),

  seal: (cipher, key, nonce, additional, plaintext) =>
    aead(cipher, key, nonce, additional).encrypt(plaintext),

  open(cipher, key, nonce, additional, ciphertext) {
    try {
      return aead(cipher, key, nonce, additional).decrypt(ciphertext);
    } catch {
      return undefined;
    }
  },

  signingKey: (seed) => ed25519.getPublicKey(seed),

  sign: (seed, message) => ed25519.sign(message, seed),

  verify(publicKey, message, signature) {
    try {
      // The strict equation of RFC 8032, as OpenSSL has it, not that of ZIP 215.
      return ed25519.verify(signature, message, publicKey, { zip215: false });
    } catch {
      return false;
    }
  },

  equal(a, b) {
    if (a.length !== b.length) return false;
    let difference = 0;
    for (let i = 0; i < a.length; i++) difference |= a[i] ^ b[i];
    return difference === 0;
  },
};
