/**
 * How fast this machine seals, so that the two ends of a link can choose the
 * cipher that is fast for both (docs/protocol/link.md, "Ciphers").
 */
import { type CipherGCMTypes, createCipheriv, randomBytes } from 'node:crypto';
import { CipherId, IV_LENGTH, KEY_LENGTH, TAG_LENGTH } from '../io/contract.ts';
import { CIPHER_NAMES } from '../links/handshake/negotiation.ts';

/** Long enough that the cipher is measured and not the call. */
const BLOCK_LENGTH = 16 * 1024;
/** Milliseconds for each cipher: it is paid at every start. */
const TIME = 3;
/** Blocks at least: on a busy machine we may be off the processor for all of that time. */
const LEAST_BLOCKS = 32;

export interface CipherSpeed {
  readonly cipher: CipherId;
  /** Megabytes a second. */
  readonly speed: number;
}

const MEASURED = [
  { cipher: CipherId.aes256gcm, name: 'aes-256-gcm' },
  { cipher: CipherId.chacha20poly1305, name: 'chacha20-poly1305' },
] as const;

/** @param names which ones, in the names of CIPHER_NAMES; by default all */
export function measureCiphers(
  names: readonly string[] = Object.values(CIPHER_NAMES),
): readonly CipherSpeed[] {
  return MEASURED.filter(({ cipher }) => names.includes(CIPHER_NAMES[cipher])).map(
    ({ cipher, name }) => ({ cipher, speed: measure(name) }),
  );
}

function measure(name: 'aes-256-gcm' | 'chacha20-poly1305'): number {
  const key = randomBytes(KEY_LENGTH);
  const iv = randomBytes(IV_LENGTH);
  const block = new Uint8Array(BLOCK_LENGTH);
  // Its typings know ChaCha20-Poly1305 under another overload; the options are the same.
  const cipher = createCipheriv(name as CipherGCMTypes, key, iv, { authTagLength: TAG_LENGTH });
  cipher.update(block);
  const end = performance.now() + TIME;
  let before = performance.now();
  // The fastest block: whatever else the machine does can only make one slower.
  let fastest = Number.POSITIVE_INFINITY;
  for (let blocks = 0; blocks < LEAST_BLOCKS || before < end; blocks++) {
    cipher.update(block);
    const after = performance.now();
    fastest = Math.min(fastest, after - before);
    before = after;
  }
  return Math.max(1, Math.round(BLOCK_LENGTH / fastest / 1000));
}
