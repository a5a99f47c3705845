import test from 'ava';
import fc from 'fast-check';
import { KnownAddresses } from '../../../src/links/handshake/known-addresses.ts';

const PLACES = 16;

test('an address is known until its time is over', (t) => {
  const known = new KnownAddresses(PLACES);
  t.false(known.has(0, 0), 'an empty table knows nobody');
  known.know(7, 100, 0);
  t.true(known.has(7, 99));
  t.false(known.has(7, 100));
  known.know(7, 300, 150);
  known.know(7, 200, 160);
  t.true(known.has(7, 299), 'a shorter time takes nothing away');
});

test('two share a pair of places; of three, who would be forgotten first is', (t) => {
  const known = new KnownAddresses(PLACES);
  const [a, b, c] = [3, 3 + PLACES, 3 + 2 * PLACES];
  known.know(a, 100, 0);
  known.know(b, 200, 0);
  t.deepEqual(
    [a, b].map((each) => known.has(each, 50)),
    [true, true],
  );
  known.know(c, 150, 0);
  t.deepEqual(
    [a, b, c].map((each) => known.has(each, 50)),
    [false, true, true],
  );
});

test('who would be forgotten sooner than both is not taken in, until there is room', (t) => {
  const known = new KnownAddresses(PLACES);
  const [a, b, c] = [3, 2, 3 + PLACES];
  known.know(a, 1000, 0);
  known.know(b, 1000, 0);
  known.know(c, 500, 0);
  t.deepEqual(
    [a, b, c].map((each) => known.has(each, 10)),
    [true, true, false],
  );
  known.know(c, 1500, 1000);
  t.true(known.has(c, 1400));
});

test('whatever is told, nobody is known who was not told, nor for longer', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: -40, max: 40 }), fc.nat(50), fc.nat(20)), {
        maxLength: 100,
      }),
      (steps) => {
        const known = new KnownAddresses(PLACES);
        const twin = new Map<number, number>();
        let now = 0;
        for (const [hash, span, step] of steps) {
          now += step;
          known.know(hash, now + span, now);
          twin.set(hash, Math.max(twin.get(hash) ?? 0, now + span));
          for (let each = -40; each <= 40; each++) {
            if (known.has(each, now)) t.true(now < twin.get(each)!);
          }
        }
      },
    ),
    { numRuns: 50 },
  );
});
