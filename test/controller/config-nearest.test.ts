import test from 'ava';
import fc from 'fast-check';
import { editDistance, nearestWord } from '../../src/controller/config-nearest.ts';

test('distances', (t) => {
  t.is(editDistance('', ''), 0);
  t.is(editDistance('', 'abc'), 3);
  t.is(editDistance('friends', 'freinds'), 1);
  t.is(editDistance('kitten', 'sitting'), 3);
});

test('the nearest word, or none', (t) => {
  const known = ['friends', 'groups', 'listen', 'name'];
  t.is(nearestWord('freinds', known), 'friends');
  t.is(nearestWord('Listen', known), 'listen');
  t.is(nearestWord('nam', known), 'name');
  t.is(nearestWord('port', known), undefined);
  t.is(nearestWord('x', []), undefined);
});

test('a distance is symmetric, at most the longer word, and 0 for equals only', (t) => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 });
  fc.assert(
    fc.property(word, word, (a, b) => {
      const distance = editDistance(a, b);
      t.is(distance, editDistance(b, a));
      t.true(distance <= Math.max(a.length, b.length));
      t.true(distance >= Math.abs(a.length - b.length));
      t.is(distance === 0, a === b);
    }),
  );
});
