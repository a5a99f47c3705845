import test from 'ava';
import fc from 'fast-check';
import { SESSION_TABLE_LENGTH } from '../../src/data-plane/engine.ts';
import { PLACES, SessionIndices } from '../../src/f2f/session-indices.ts';
import { seededRandom } from '../links/handshake/handshake-driver.ts';

test('places are those of the session table', (t) => {
  t.is(PLACES, SESSION_TABLE_LENGTH);
});

test('an index is random octets above and a place below', (t) => {
  const indices = new SessionIndices(() => Uint8Array.of(0xff, 0xff, 0xff, 0xff));
  t.is(indices.take(), 0xfffffc00);
  t.is(indices.take(), 0xfffffc01);
});

test('no two indices in use share a place, whatever is given back', (t) => {
  const step = fc.oneof(fc.constant('take' as const), fc.nat(PLACES));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 3 * PLACES }), fc.nat(), (steps, seed) => {
      const indices = new SessionIndices(seededRandom(seed));
      const held: number[] = [];
      for (const each of steps) {
        if (each === 'take') {
          const index = indices.take();
          if (held.length === PLACES) return index === undefined;
          if (index === undefined || !Number.isInteger(index) || index < 0) return false;
          held.push(index);
        } else if (held.length > 0) {
          const [gone] = held.splice(each % held.length, 1);
          indices.give(gone!);
        }
      }
      const places = new Set(held.map((index) => index % PLACES));
      return places.size === held.length && indices.count === held.length;
    }),
    { numRuns: 50 },
  );
  t.pass();
});

test('when all places are taken there is none, until one is given back', (t) => {
  const indices = new SessionIndices(seededRandom(7));
  const all = Array.from({ length: PLACES }, () => indices.take()!);
  t.is(indices.take(), undefined);
  indices.give(all[500]!);
  const again = indices.take()!;
  t.is(again % PLACES, all[500]! % PLACES);
  t.is(indices.take(), undefined);
});

test('giving back what is not held changes nothing', (t) => {
  const indices = new SessionIndices(seededRandom(8));
  const index = indices.take()!;
  indices.give(index ^ 0x8000_0000);
  indices.give(index + 1);
  t.is(indices.count, 1);
  indices.give(index);
  indices.give(index);
  t.is(indices.count, 0);
});

test('a place is not used again at once, so that late messages meet nobody', (t) => {
  const indices = new SessionIndices(seededRandom(9));
  const first = indices.take()!;
  indices.give(first);
  t.not(indices.take()! % PLACES, first % PLACES);
});
