/** Waits between attempts: within bounds, growing, and not in step. */
import test from 'ava';
import fc from 'fast-check';
import { BackOff, FIRST_DELAY, LONGEST_DELAY } from '../../src/links/back-off.ts';

const ALMOST_ONE = 1 - Number.EPSILON;

test('the ceiling doubles up to the longest wait', (t) => {
  const backOff = new BackOff();
  const ceilings = Array.from({ length: 9 }, () => Math.round(backOff.next(ALMOST_ONE)));
  t.deepEqual(ceilings, [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  t.is(backOff.failures, 9);
});

test('the least wait is half of the first delay, however often it failed', (t) => {
  const backOff = new BackOff();
  for (let i = 0; i < 30; i++) t.is(backOff.next(0), FIRST_DELAY / 2);
});

test('success begins anew', (t) => {
  const backOff = new BackOff();
  for (let i = 0; i < 5; i++) backOff.next(0.5);
  backOff.succeeded();
  t.is(backOff.failures, 0);
  t.is(Math.round(backOff.next(ALMOST_ONE)), FIRST_DELAY);
});

test('always within bounds', (t) => {
  const chance = fc.double({ min: 0, max: ALMOST_ONE, noNaN: true });
  fc.assert(
    fc.property(fc.array(fc.option(chance), { maxLength: 80 }), (steps) => {
      const backOff = new BackOff();
      let failures = 0;
      for (const random of steps) {
        if (random === null) {
          backOff.succeeded();
          failures = 0;
          continue;
        }
        const wait = backOff.next(random);
        const ceiling = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** failures++);
        t.true(wait >= FIRST_DELAY / 2 && wait <= ceiling);
        t.is(backOff.failures, failures);
      }
    }),
  );
});
