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
  /** Any strings; several while keys are being changed; none if the name is all there is. */
  readonly keys: readonly string[];
}

/** One key of one group, ready for use. */
export interface GroupKey {
  readonly name: string;
  readonly key: Uint8Array;
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

/** Derives the keys of all groups; a group without keys gives one, made from its name. */
export function deriveGroupKeys(suite: CryptoSuite, groups: readonly SecurityGroup[]): GroupKey[] {
  return groups.flatMap(({ name, keys }) =>
    keys.length === 0
      ? [groupKey(suite, NAMED_CONTEXT, name, '')]
      : keys.map((key) => groupKey(suite, KEYED_CONTEXT, name, key)),
  );
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
  while (tags.length < count) tags.push(random(TAG_OCTETS));
  return concatBytes(...tags.sort(Buffer.compare));
}

/**
 * The names of own groups that the peer has proved to be in, sorted, each once.
 * @param role the role of the peer that made `tags`
 */
export function matchTags(
  suite: CryptoSuite,
  keys: readonly GroupKey[],
  hash: Uint8Array,
  role: HandshakeRole,
  tags: Uint8Array,
): string[] {
  const shared = new Set<string>();
  for (const { name, key } of keys) {
    const expected = groupTag(suite, key, hash, role);
    for (let offset = 0; offset < tags.length; offset += TAG_OCTETS) {
      if (suite.equal(expected, tags.subarray(offset, offset + TAG_OCTETS))) shared.add(name);
    }
  }
  return [...shared].sort();
}

function groupKey(suite: CryptoSuite, context: Uint8Array, name: string, key: string): GroupKey {
  const secret = extract(suite.hmac, EXTRACT_SALT, utf8ToBytes(key));
  const info = concatBytes(context, utf8ToBytes(name));
  return { name, key: expand(suite.hmac, secret, info, HASH_LENGTH) };
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
