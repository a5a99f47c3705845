/** Security groups: what matches, what does not, and what the other end can see. */

import test from 'ava';
import fc from 'fast-check';
import {
  deriveGroupKeys,
  makeTags,
  matchTags,
  type SecurityGroup,
  TAG_MULTIPLE,
} from '../../../src/links/handshake/group-tags.ts';
import { TAG_OCTETS } from '../../../src/links/handshake/handshake-payload.ts';
import { nodeSuite } from '../../../src/links/handshake/node-suite.ts';
import { exchange, seededRandom, sessionOf } from './handshake-driver.ts';

const HASH = new Uint8Array(32).fill(1);

/** The groups that an end with `own` finds in the tags of one with `theirs`. */
function shared(own: readonly SecurityGroup[], theirs: readonly SecurityGroup[]): string[] {
  const keys = deriveGroupKeys(nodeSuite, theirs);
  const tags = makeTags(nodeSuite, seededRandom(1), keys, HASH, 'initiator');
  return matchTags(nodeSuite, deriveGroupKeys(nodeSuite, own), HASH, 'initiator', tags);
}

const group = (name: string, ...keys: string[]): SecurityGroup => ({ name, keys });

test('a name alone is a group', (t) => {
  t.deepEqual(shared([group('default')], [group('default')]), ['default']);
  t.deepEqual(shared([group('default')], [group('Default')]), []);
});

test('different keys under one name do not match', (t) => {
  t.deepEqual(shared([group('lab', 'one')], [group('lab', 'two')]), []);
  t.deepEqual(shared([group('lab', 'one')], [group('lab')]), []);
  t.deepEqual(shared([group('lab')], [group('lab', '')]), [], 'an empty key is a key');
  t.deepEqual(shared([group('lab', 'one')], [group('lab', 'one')]), ['lab']);
});

test('one key under different names does not match', (t) => {
  t.deepEqual(shared([group('red', 'key')], [group('blue', 'key')]), []);
  t.deepEqual(shared([group('ab', 'c')], [group('a', 'bc')]), []);
});

test('while keys are changed one in common is enough', (t) => {
  t.deepEqual(shared([group('lab', 'old', 'new')], [group('lab', 'new', 'newer')]), ['lab']);
  t.deepEqual(shared([group('lab', 'old', 'new')], [group('lab', 'old', 'new')]), ['lab']);
  t.deepEqual(shared([group('lab', 'old')], [group('lab', 'new')]), []);
});

test('a tag fits one transcript and one role', (t) => {
  const keys = deriveGroupKeys(nodeSuite, [group('default')]);
  const tags = makeTags(nodeSuite, seededRandom(1), keys, HASH, 'initiator');
  t.deepEqual(matchTags(nodeSuite, keys, HASH, 'initiator', tags), ['default']);
  t.deepEqual(matchTags(nodeSuite, keys, HASH, 'responder', tags), [], 'sent back');
  const other = new Uint8Array(32).fill(2);
  t.deepEqual(matchTags(nodeSuite, keys, other, 'initiator', tags), [], 'passed on');
});

test('the number of tags hides the number of keys', (t) => {
  for (let count = 0; count <= 32; count++) {
    const groups = Array.from({ length: count }, (_, i) => group(`group ${i}`));
    const keys = deriveGroupKeys(nodeSuite, groups);
    const tags = makeTags(nodeSuite, seededRandom(count), keys, HASH, 'responder');
    const number = tags.length / TAG_OCTETS;
    t.is(number, Math.max(1, Math.ceil(count / TAG_MULTIPLE)) * TAG_MULTIPLE);
    t.is(matchTags(nodeSuite, keys, HASH, 'responder', tags).length, count);
  }
});

test('tags are in order of their octets, not of their groups', (t) => {
  const groups = Array.from({ length: 5 }, (_, i) => group(`group ${i}`));
  const keys = deriveGroupKeys(nodeSuite, groups);
  const tags = makeTags(nodeSuite, seededRandom(1), keys, HASH, 'responder');
  const each = Array.from({ length: tags.length / TAG_OCTETS }, (_, i) =>
    tags.subarray(i * TAG_OCTETS, (i + 1) * TAG_OCTETS),
  );
  t.deepEqual(each, each.toSorted(Buffer.compare));
});

const someGroups = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom('a', 'b', 'c', 'd'),
    keys: fc.uniqueArray(fc.constantFrom('x', 'y', 'z'), { maxLength: 2 }),
  }),
  { selector: (one) => one.name, maxLength: 4 },
);

test('both ends find the same groups, and just those they should', (t) => {
  fc.assert(
    fc.property(someGroups, someGroups, (ours, theirs) => {
      const expected = ours
        .filter(({ name, keys }) => {
          const other = theirs.find((one) => one.name === name);
          if (other === undefined) return false;
          if (keys.length === 0 || other.keys.length === 0) {
            return keys.length === other.keys.length;
          }
          return keys.some((key) => other.keys.includes(key));
        })
        .map(({ name }) => name)
        .sort();
      t.deepEqual(shared(ours, theirs), expected);
      t.deepEqual(shared(theirs, ours), expected);
      const { initiator, responder } = exchange({ groups: ours }, { groups: theirs });
      t.deepEqual(sessionOf(initiator).sharedGroups, expected);
      t.deepEqual(sessionOf(responder).sharedGroups, expected);
      t.is(sessionOf(initiator).mode, expected.length > 0 ? 'sealed' : 'clear');
    }),
    { numRuns: 50 },
  );
});
