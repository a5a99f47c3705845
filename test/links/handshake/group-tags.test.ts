/** Security groups: what matches, what does not, and what the other end can see. */

import test from 'ava';
import fc from 'fast-check';
import {
  deriveGroupKeys,
  type GroupMatch,
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
function match(own: readonly SecurityGroup[], theirs: readonly SecurityGroup[]): GroupMatch {
  const keys = deriveGroupKeys(nodeSuite, theirs);
  const tags = makeTags(nodeSuite, seededRandom(1), keys, HASH, 'initiator');
  return matchTags(nodeSuite, deriveGroupKeys(nodeSuite, own), HASH, 'initiator', tags);
}

const shared = (own: readonly SecurityGroup[], theirs: readonly SecurityGroup[]) =>
  match(own, theirs).shared;

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

test('who proves a group by an old key alone is known', (t) => {
  const rotated = { name: 'lab', keys: ['new', 'old'] };
  t.deepEqual(match([rotated], [group('lab', 'old')]), { shared: ['lab'], byOldKey: ['lab'] });
  t.deepEqual(match([rotated], [rotated]), { shared: ['lab'], byOldKey: [] });
  t.deepEqual(match([group('lab', 'old')], [rotated]), { shared: ['lab'], byOldKey: [] });
});

test('a group that gets its first key knows those who only know its name', (t) => {
  const first = { name: 'lab', keys: ['new'], byName: true };
  t.deepEqual(match([first], [group('lab')]), { shared: ['lab'], byOldKey: ['lab'] });
  t.deepEqual(match([group('lab')], [first]), { shared: ['lab'], byOldKey: [] });
  t.deepEqual(shared([group('lab', 'new')], [group('lab')]), []);
});

test('a tag fits one transcript and one role', (t) => {
  const keys = deriveGroupKeys(nodeSuite, [group('default')]);
  const tags = makeTags(nodeSuite, seededRandom(1), keys, HASH, 'initiator');
  t.deepEqual(matchTags(nodeSuite, keys, HASH, 'initiator', tags).shared, ['default']);
  t.deepEqual(matchTags(nodeSuite, keys, HASH, 'responder', tags).shared, [], 'sent back');
  const other = new Uint8Array(32).fill(2);
  t.deepEqual(matchTags(nodeSuite, keys, other, 'initiator', tags).shared, [], 'passed on');
});

test('the number of tags hides the number of keys', (t) => {
  for (let count = 0; count <= 32; count++) {
    const groups = Array.from({ length: count }, (_, i) => group(`group ${i}`));
    const keys = deriveGroupKeys(nodeSuite, groups);
    const tags = makeTags(nodeSuite, seededRandom(count), keys, HASH, 'responder');
    const number = tags.length / TAG_OCTETS;
    t.is(number, Math.max(1, Math.ceil(count / TAG_MULTIPLE)) * TAG_MULTIPLE);
    t.is(matchTags(nodeSuite, keys, HASH, 'responder', tags).shared.length, count);
  }
});

test('nobody can tell from the messages how many groups an end is in', (t) => {
  const groups = (count: number) => Array.from({ length: count }, (_, i) => group(`group ${i}`));
  const lengths = (ours: number, theirs: number) =>
    exchange({ groups: groups(ours) }, { groups: groups(theirs) }).messages.map((m) => m.length);
  const usual = lengths(1, 1);
  for (let count = 0; count <= TAG_MULTIPLE; count++) {
    t.deepEqual(lengths(count, 1), usual, `${count} of the initiator's`);
    t.deepEqual(lengths(1, count), usual, `${count} of the responder's`);
  }
  const more = lengths(TAG_MULTIPLE + 1, TAG_MULTIPLE + 1);
  for (let count = TAG_MULTIPLE + 1; count <= 2 * TAG_MULTIPLE; count++) {
    t.deepEqual(lengths(count, count), more, 'nor beyond, but for the multiple');
  }
  t.deepEqual(lengths(0, 5).length, 4);
});

test('a friend counts the same number of tags for any number of groups', (t) => {
  for (let count = 0; count <= TAG_MULTIPLE; count++) {
    const groups = Array.from({ length: count }, (_, i) => group(`group ${i}`));
    const { responder } = exchange({ groups });
    t.is(sessionOf(responder).why.tagsReceived, TAG_MULTIPLE);
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
