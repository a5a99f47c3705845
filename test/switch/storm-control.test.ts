import test from 'ava';
import fc from 'fast-check';
import { MAX_STORM_RATE, StormClass, StormControl } from '../../src/switch/storm-control.ts';

const UNKNOWN = StormClass.unknown;

test('no rate, no limit', (t) => {
  const storm = new StormControl();
  for (let i = 0; i < 10_000; i++) t.true(storm.take(1, UNKNOWN, 0));
});

test('over a long time a port gets its rate, after one burst', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5000 }),
      fc.integer({ min: 1, max: 50 }),
      fc.constantFrom(0, 2 ** 31 - 5000, 2 ** 32 - 5000),
      (rate, step, start) => {
        const storm = new StormControl();
        storm.setRate(3, UNKNOWN, rate, start);
        const burst = Math.max(32, rate / 10);
        const duration = 10_000;
        let passed = 0;
        for (let now = 0; now <= duration; now += step) {
          // More is offered than may pass, so that the bucket never fills again.
          for (let i = 0; i <= (rate * step) / 1000 + burst; i++) {
            if (storm.take(3, UNKNOWN, start + now)) passed++;
          }
        }
        const ended = Math.floor(duration / step) * step;
        t.is(passed, Math.floor(burst + (rate * ended) / 1000));
        t.true(storm.take(4, UNKNOWN, start));
      },
    ),
    { numRuns: 30 },
  );
});

test('a rate beyond the greatest is the greatest, and idle time overflows nothing', (t) => {
  const storm = new StormControl();
  storm.setRate(1, UNKNOWN, 1e9, 0);
  let passed = 0;
  while (storm.take(1, UNKNOWN, 4e9)) passed++;
  t.is(passed, MAX_STORM_RATE / 10);
});

test('a rate that is set again leaves the bucket alone', (t) => {
  const storm = new StormControl();
  storm.setRate(1, UNKNOWN, 10, 0);
  while (storm.take(1, UNKNOWN, 0));
  storm.setRate(1, UNKNOWN, 10, 0);
  t.false(storm.take(1, UNKNOWN, 0));
  storm.setRate(1, UNKNOWN, 0, 0);
  t.true(storm.take(1, UNKNOWN, 0));
});

test('each class has a bucket of its own, and the one for all counts too', (t) => {
  const { broadcast, multicast, unknown, all } = StormClass;
  const storm = new StormControl();
  const burst = (stormClass: StormClass, now: number): number => {
    let passed = 0;
    while (passed < 10_000 && storm.take(1, stormClass, now)) passed++;
    return passed;
  };
  storm.setRate(1, broadcast, 1000, 0);
  storm.setRate(1, unknown, 500, 0);
  t.is(burst(broadcast, 0), 100);
  t.is(burst(unknown, 0), 50);
  t.is(burst(multicast, 0), 10_000, 'no limit, no end');
  t.is(burst(broadcast, 10), 10);
  storm.setRate(1, all, 200, 10);
  t.is(burst(multicast, 10), 32, 'all of them together');
  t.is(burst(unknown, 110), 20, 'of 50 that its own bucket has');
  t.is(burst(broadcast, 110), 0, 'what finds no credit with all');
  storm.setRate(1, all, 0, 110);
  t.is(burst(broadcast, 110), 100, 'has cost nothing in its own');
  storm.setRate(1, broadcast, 0, 110);
  t.is(burst(broadcast, 110), 10_000);
  t.is(burst(unknown, 110), 30, 'what was left');
  t.true(storm.take(2, broadcast, 0), 'another port');
});
