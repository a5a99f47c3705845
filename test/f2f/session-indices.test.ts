import test from 'ava';
import fc from 'fast-check';
import { SESSION_TABLE_LENGTH, workerOf } from '../../src/data-plane/local-index.ts';
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

test('shared sessions go where the fewest are, and never to the ports; others stay there', (t) => {
  const step = fc.oneof(fc.constantFrom('shared' as const, 'own' as const), fc.nat(500));
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 400 }),
      fc.integer({ min: 2, max: 8 }),
      (steps, workers) => {
        const indices = new SessionIndices(seededRandom(workers), workers);
        const held: number[] = [];
        const loads = new Array<number>(workers).fill(0);
        for (const each of steps) {
          if (typeof each === 'string') {
            const index = indices.take(each === 'shared');
            if (index === undefined) return false;
            const worker = workerOf(index, workers);
            if (each === 'own' && worker !== 0) return false;
            if (each === 'shared' && loads[worker] !== Math.min(...loads.slice(1))) return false;
            if (each === 'shared' && worker === 0) return false;
            loads[worker]!++;
            held.push(index);
          } else if (held.length > 0) {
            const [gone] = held.splice(each % held.length, 1);
            loads[workerOf(gone!, workers)]!--;
            indices.give(gone!);
          }
        }
        return indices.count === held.length && new Set(held).size === held.length;
      },
    ),
    { numRuns: 60 },
  );
  t.pass();
});

test('where there is one worker only, all sessions are its own', (t) => {
  const indices = new SessionIndices(() => Uint8Array.of(0xff, 0xff, 0xff, 0xff));
  t.is(indices.take(true), 0xfffffc00);
});
