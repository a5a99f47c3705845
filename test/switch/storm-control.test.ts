import test from 'ava';
import fc from 'fast-check';
import { MAX_STORM_RATE, StormControl } from '../../src/switch/storm-control.ts';

test('no rate, no limit', (t) => {
  const storm = new StormControl();
  for (let i = 0; i < 10_000; i++) t.true(storm.take(1, 0));
});

test('over a long time a port gets its rate, after one burst', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5000 }),
      fc.integer({ min: 1, max: 50 }),
      fc.constantFrom(0, 2 ** 31 - 5000, 2 ** 32 - 5000),
      (rate, step, start) => {
        const storm = new StormControl();
        storm.setRate(3, rate, start);
        const burst = Math.max(32, rate / 10);
        const duration = 10_000;
        let passed = 0;
        for (let now = 0; now <= duration; now += step) {
          // More is offered than may pass, so that the bucket never fills again.
          for (let i = 0; i <= (rate * step) / 1000 + burst; i++) {
            if (storm.take(3, start + now)) passed++;
          }
        }
        const ended = Math.floor(duration / step) * step;
        t.is(passed, Math.floor(burst + (rate * ended) / 1000));
        t.true(storm.take(4, start));
      },
    ),
    { numRuns: 30 },
  );
});

test('a rate beyond the greatest is the greatest, and idle time overflows nothing', (t) => {
  const storm = new StormControl();
  storm.setRate(1, 1e9, 0);
  let passed = 0;
  while (storm.take(1, 4e9)) passed++;
  t.is(passed, MAX_STORM_RATE / 10);
});

test('a rate that is set again leaves the bucket alone', (t) => {
  const storm = new StormControl();
  storm.setRate(1, 10, 0);
  while (storm.take(1, 0));
  storm.setRate(1, 10, 0);
  t.false(storm.take(1, 0));
  storm.setRate(1, 0, 0);
  t.true(storm.take(1, 0));
});
