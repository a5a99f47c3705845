/**
 * The crypto suite on node:crypto, that is OpenSSL, for what needs no addon: identities,
 * tickets, keys of records. For handshakes it is slow (native-suite.ts).
 *
 * OpenSSL wants keys wrapped in DER (RFC 8410): a fixed prefix, then 32 octets.
 */

import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto';
import { CipherId, TAG_LENGTH } from '../../io/contract.ts';
import { type CryptoSuite, DH_LENGTH } from './crypto-suite.ts';

/** RFC 8410 section 7: OneAsymmetricKey with the identifier of the curve. */
const X25519_PRIVATE = Buffer.from('302e020100300506032b656e04220420', 'hex');
const ED25519_PRIVATE = Buffer.from('302e020100300506032b657004220420', 'hex');
/** RFC 8410 section 4: SubjectPublicKeyInfo. */
const X25519_PUBLIC = Buffer.from('302a300506032b656e032100', 'hex');
const ED25519_PUBLIC = Buffer.from('302a300506032b6570032100', 'hex');

function privateKeyObject(prefix: Buffer, key: Uint8Array): KeyObject {
  const der = Buffer.concat([prefix, key]);
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } finally {
    der.fill(0);
  }
}

function publicKeyObject(prefix: Buffer, key: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([prefix, key]), format: 'der', type: 'spki' });
}

function publicOctets(prefix: Buffer, privateKey: Uint8Array): Uint8Array {
  const spki = createPublicKey(privateKeyObject(prefix, privateKey)).export({
    format: 'der',
    type: 'spki',
  });
  return own(spki.subarray(spki.length - DH_LENGTH));
}

/** A plain array in memory of its own: Buffers may share a pool, and slice differently. */
function own(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes);
}

const AES = 'aes-256-gcm';
const CHACHA = 'chacha20-poly1305';
const TAG_OPTIONS = { authTagLength: TAG_LENGTH } as const;

export const nodeSuite: CryptoSuite = {
  name: 'node',

  keyPair: (privateKey) => ({
    privateKey: own(privateKey),
    publicKey: publicOctets(X25519_PRIVATE, privateKey),
  }),

  dh({ privateKey }, publicKey) {
    try {
      const shared = diffieHellman({
        privateKey: privateKeyObject(X25519_PRIVATE, privateKey),
        publicKey: publicKeyObject(X25519_PUBLIC, publicKey),
      });
      return own(shared);
    } catch {
      return undefined; // OpenSSL refuses an all-zero result
    }
  },

  hash: (data) => own(createHash('sha256').update(data).digest()),

  hmac: (key, data) => own(createHmac('sha256', key).update(data).digest()),

  seal(cipher, key, nonce, additional, plaintext) {
    const out = new Uint8Array(plaintext.length + TAG_LENGTH);
    const sealer =
      cipher === CipherId.aes256gcm
        ? createCipheriv(AES, key, nonce, TAG_OPTIONS)
        : createCipheriv(CHACHA, key, nonce, TAG_OPTIONS);
    sealer.setAAD(additional, { plaintextLength: plaintext.length });
    out.set(sealer.update(plaintext));
    sealer.final();
    out.set(sealer.getAuthTag(), plaintext.length);
    return out;
  },

  open(cipher, key, nonce, additional, ciphertext) {
    const length = ciphertext.length - TAG_LENGTH;
    if (length < 0) return undefined;
    const opener =
      cipher === CipherId.aes256gcm
        ? createDecipheriv(AES, key, nonce, TAG_OPTIONS)
        : createDecipheriv(CHACHA, key, nonce, TAG_OPTIONS);
    opener.setAAD(additional, { plaintextLength: length });
    opener.setAuthTag(ciphertext.subarray(length));
    const out = own(opener.update(ciphertext.subarray(0, length)));
    try {
      opener.final();
      return out;
    } catch {
      out.fill(0);
      return undefined;
    }
  },

  signingKey: (seed) => publicOctets(ED25519_PRIVATE, seed),

  sign: (seed, message) => own(sign(null, message, privateKeyObject(ED25519_PRIVATE, seed))),

  verify(publicKey, message, signature) {
    try {
      return verify(null, message, publicKeyObject(ED25519_PUBLIC, publicKey), signature);
    } catch {
      return false; // not a point
    }
  },

  equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
};
