/**
 * Proofs of membership in security groups.
 *
 * Read first: docs/protocol/link.md, "Security groups"; IPOP's security groups.
 *
 *     group key = HKDF(key or nothing, name)
 *     tag       = HMAC-SHA-256(group key, context || h || role), first 16 octets
 *
 * h is the transcript after the tokens of message 3, which no one but the two
 * ends took part in making: a tag fits this handshake and this role alone and
 * cannot be passed on or sent back. Tags of a group that the other end does not
 * have look like noise to it, and noise is what fills their number up. They are
 * sorted, so that their order says nothing.
 *
 * A key is one of 32 octets if it was made by `kith`; a word chosen by a person,
 * like a name without a key, can be guessed at leisure by an authenticated peer.
 */

import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { type CryptoSuite, HASH_LENGTH, type Random } from './crypto-suite.ts';
import { TAG_OCTETS } from './handshake-payload.ts';
import { expand, extract } from './hkdf.ts';

export type HandshakeRole = 'initiator' | 'responder';

/** A security group as it was configured. */
export interface SecurityGroup {
  readonly name: string;
  /** Any strings, the one in force first; several while keys are being changed; none if the name is all there is. */
  readonly keys: readonly string[];
  /** The name alone counts too, while a first key is being brought in. */
  readonly byName?: boolean;
}

/** One key of one group, ready for use. */
export interface GroupKey {
  readonly name: string;
  readonly key: Uint8Array;
  /** On its way out: another key of the group is in force. */
  readonly old: boolean;
}

/** What came out of the peer's tags; names are sorted. */
export interface GroupMatch {
  /** Own groups that the peer has proved to be in. */
  readonly shared: readonly string[];
  /** Those of them that it proved by an old key alone. */
  readonly byOldKey: readonly string[];
}

/** The most tags one end sends: all keys of all groups together. */
export const MAX_GROUP_KEYS = 32;

/** The number of tags is filled up to a multiple of this, and is never none. */
export const TAG_MULTIPLE = 8;

const TAG_CONTEXT = utf8ToBytes('kith group tag v1');
const KEYED_CONTEXT = utf8ToBytes('kith group with key v1 ');
const NAMED_CONTEXT = utf8ToBytes('kith group by name v1 ');
const EXTRACT_SALT = utf8ToBytes('kith group v1');
const ROLE_OCTET = { initiator: 1, responder: 2 } as const;

/** How many keys a group has, the one made from its name among them. */
export function keyCount({ keys, byName = false }: SecurityGroup): number {
  return keys.length + (byName || keys.length === 0 ? 1 : 0);
}

/** Derives the keys of all groups; a group without keys gives one, made from its name. */
export function deriveGroupKeys(suite: CryptoSuite, groups: readonly SecurityGroup[]): GroupKey[] {
  return groups.flatMap(({ name, keys, byName = false }) => {
    const derived = keys.map((key) => deriveKey(suite, KEYED_CONTEXT, name, key));
    if (byName || keys.length === 0) derived.push(deriveKey(suite, NAMED_CONTEXT, name, ''));
    return derived.map((key, index) => ({ name, key, old: index > 0 }));
  });
}

/** The tags of one end, filled up and sorted: a multiple of TAG_OCTETS octets. */
export function makeTags(
  suite: CryptoSuite,
  random: Random,
  keys: readonly GroupKey[],
  hash: Uint8Array,
  role: HandshakeRole,
): Uint8Array {
  const tags = keys.map(({ key }) => groupTag(suite, key, hash, role));
  const count = Math.max(1, Math.ceil(tags.length / TAG_MULTIPLE)) * TAG_MULTIPLE;
  const noise = random((count - tags.length) * TAG_OCTETS);
  for (let offset = 0; tags.length < count; offset += TAG_OCTETS) {
    tags.push(noise.subarray(offset, offset + TAG_OCTETS));
  }
  return concatBytes(...tags.sort(Buffer.compare));
}

/**
 * Looks for what the peer has proved.
 * @param role the role of the peer that made `tags`
 */
export function matchTags(
  suite: CryptoSuite,
  keys: readonly GroupKey[],
  hash: Uint8Array,
  role: HandshakeRole,
  tags: Uint8Array,
): GroupMatch {
  const shared = new Set<string>();
  const current = new Set<string>();
  for (const { name, key, old } of keys) {
    const expected = groupTag(suite, key, hash, role);
    for (let offset = 0; offset < tags.length; offset += TAG_OCTETS) {
      if (!suite.equal(expected, tags.subarray(offset, offset + TAG_OCTETS))) continue;
      shared.add(name);
      if (!old) current.add(name);
    }
  }
  const names = [...shared].sort();
  return { shared: names, byOldKey: names.filter((name) => !current.has(name)) };
}

function deriveKey(suite: CryptoSuite, context: Uint8Array, name: string, key: string): Uint8Array {
  const secret = extract(suite.hmac, EXTRACT_SALT, utf8ToBytes(key));
  const info = concatBytes(context, utf8ToBytes(name));
  return expand(suite.hmac, secret, info, HASH_LENGTH);
}

function groupTag(
  suite: CryptoSuite,
  key: Uint8Array,
  hash: Uint8Array,
  role: HandshakeRole,
): Uint8Array {
  const input = concatBytes(TAG_CONTEXT, hash, Uint8Array.of(ROLE_OCTET[role]));
  return suite.hmac(key, input).subarray(0, TAG_OCTETS);
}
