/**
 * How a node that has a new Ed25519 key shows whose successor it is.
 *
 * Read first: docs/protocol/identity.md.
 *
 * The old key signs the new one, and is then forgotten:
 *
 *     signature = Ed25519-sign(old seed, "kith succession v1"
 *                   || old UID 20 || old public key 32 || new public key 32 || time 4 || counter 4)
 *
 * In a handshake payload they follow one another, oldest first; the old UID follows
 * from the old key, and the new key is the old key of the next, or the identity's own:
 *
 *   +--------------------+--------+----------+-----------------+
 *   | old public key, 32 | time 4 | counter 4| signature, 64   |  … at most 8 of them
 *   +--------------------+--------+----------+-----------------+
 *
 * Time is in seconds since 1970 and for people; clocks differ. The counter is 1 for
 * a node's first key change and grows with each. A value of another length than a
 * multiple of 104, none and more than 8 are malformed.
 */

import { concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { type CryptoSuite, SIGNATURE_LENGTH, SIGNING_KEY_LENGTH } from './crypto-suite.ts';
import { type Uid, uidOf } from './identity-proof.ts';

const TIME_OFFSET = SIGNING_KEY_LENGTH;
const COUNTER_OFFSET = TIME_OFFSET + 4;
const SIGNATURE_OFFSET = COUNTER_OFFSET + 4;

/** Octets of one succession in a payload. */
export const SUCCESSION_LENGTH = SIGNATURE_OFFSET + SIGNATURE_LENGTH;

/** The most that one payload carries; messages 2 and 3 have room for as many as fit. */
export const MAX_SUCCESSIONS = 8;

const MAX_UINT32 = 0xffffffff;
const CONTEXT = utf8ToBytes('kith succession v1');

/** What of a succession stands in a payload. */
export interface SuccessionLink {
  /** Ed25519 public key, 32 octets. */
  readonly oldKey: Uint8Array;
  /** Seconds since 1970, a u32. */
  readonly time: number;
  /** A u32 from 1 on. */
  readonly counter: number;
  /** 64 octets, by the old key. */
  readonly signature: Uint8Array;
}

/** One change of keys. */
export interface Succession extends SuccessionLink {
  readonly newKey: Uint8Array;
}

/** What an unknown key has shown of its past. */
export type Descent =
  /** It comes down from `formerUid` by these changes, oldest first. */
  | { readonly formerUid: Uid; readonly successions: readonly Succession[] }
  /** It named somebody known, and the proof does not hold. */
  | 'forged';

/** The octets that the old key signs. */
export function successionStatement(
  suite: CryptoSuite,
  { oldKey, newKey, time, counter }: Omit<Succession, 'signature'>,
): Uint8Array {
  const numbers = new Uint8Array(8);
  const view = new DataView(numbers.buffer);
  view.setUint32(0, time);
  view.setUint32(4, counter);
  return concatBytes(CONTEXT, hexToBytes(uidOf(suite, oldKey)), oldKey, newKey, numbers);
}

/** Whether the old key has signed the new one. */
export function checkSuccession(suite: CryptoSuite, succession: Succession): boolean {
  const { oldKey, signature } = succession;
  return suite.verify(oldKey, successionStatement(suite, succession), signature);
}

export function emitSuccessions(links: readonly SuccessionLink[]): Uint8Array {
  const out = new Uint8Array(links.length * SUCCESSION_LENGTH);
  const view = new DataView(out.buffer);
  links.forEach(({ oldKey, time, counter, signature }, index) => {
    const at = index * SUCCESSION_LENGTH;
    out.set(oldKey, at);
    view.setUint32(at + TIME_OFFSET, Math.min(time, MAX_UINT32));
    view.setUint32(at + COUNTER_OFFSET, Math.min(counter, MAX_UINT32));
    out.set(signature, at + SIGNATURE_OFFSET);
  });
  return out;
}

/** Octets in the result are copies. @returns undefined when it is malformed */
export function parseSuccessions(value: Uint8Array): SuccessionLink[] | undefined {
  const count = value.length / SUCCESSION_LENGTH;
  if (!Number.isInteger(count) || count < 1 || count > MAX_SUCCESSIONS) return undefined;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return Array.from({ length: count }, (_, index) => {
    const at = index * SUCCESSION_LENGTH;
    return {
      oldKey: value.slice(at, at + TIME_OFFSET),
      time: view.getUint32(at + TIME_OFFSET),
      counter: view.getUint32(at + COUNTER_OFFSET),
      signature: value.slice(at + SIGNATURE_OFFSET, at + SUCCESSION_LENGTH),
    };
  });
}

/**
 * Looks for somebody known among the former keys of a peer, the latest first. Only then,
 * and only from there on, signatures are checked: a stranger makes nobody compute.
 * @param newestKey the key that the peer has now
 * @returns undefined when none is known
 */
export function descentOf(
  suite: CryptoSuite,
  links: readonly SuccessionLink[],
  newestKey: Uint8Array,
  isKnown: (uid: Uid, publicKey: Uint8Array) => boolean,
): Descent | undefined {
  for (let from = links.length - 1; from >= 0; from--) {
    const formerUid = uidOf(suite, links[from].oldKey);
    if (!isKnown(formerUid, links[from].oldKey)) continue;
    const successions = links.slice(from).map((link, index) => ({
      ...link,
      newKey: links[from + index + 1]?.oldKey ?? newestKey,
    }));
    const grows = successions.every(
      ({ counter }, index) => counter > (index === 0 ? 0 : successions[index - 1].counter),
    );
    const holds = grows && successions.every((each) => checkSuccession(suite, each));
    return holds ? { formerUid, successions } : 'forged';
  }
  return undefined;
}
